"""How long answers took: a simple seeded model, ours and not measured on Azure.

    slowness = (1 + 0.5 × load + 2.5 × load⁴) × noise       load: share of the limit in use, 0 to 1
    time to first token = (200 + 0.1 × uncached prompt tokens) ms × slowness
    time between tokens = 18 ms (8 ms for models named mini or nano) × slowness
    time to last byte   = time to first token + generated tokens × time between tokens
    tokens per second   = 1000 ÷ time between tokens
    normalised time to first token = time to first token ÷ prompt tokens of a request

So an empty deployment is fast and a full one four times as slow. ``noise`` is one seeded factor a
minute, 0.7 to 1.3. A streamed answer responds at its first token, another at its last byte; a
refusal or an error takes the same short time always. Single requests of a minute are taken to lie
between 0.6 and 1.8 times its mean (:data:`SPREAD`), all of them on it when there is but one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.hashing import Floats, Ints, key_of, normal_rows
from simulator.served_day import Cell

FIRST_TOKEN_MS, PROMPT_TOKEN_MS = 200.0, 0.1
TOKEN_MS, SMALL_MODEL_TOKEN_MS = 18.0, 8.0
FAILURE_MS = {429: 15.0, 400: 40.0, 500: 900.0}
SPREAD = (0.6, 1.8)
_NOISE = 0.08


@dataclass(frozen=True)
class Latency:
    """Means of each minute; NaN where no token was generated (or none read)."""

    first_token_ms: Floats
    normalised_first_token_ms: Floats
    between_tokens_ms: Floats
    last_byte_ms: Floats
    tokens_per_second: Floats

    def response_ms(self, cell: Cell) -> Floats:
        """Time until something of an answer came, for the requests of ``cell``."""
        if cell.status in FAILURE_MS:
            return np.full(self.first_token_ms.size, FAILURE_MS[cell.status])
        return self.first_token_ms if cell.is_streaming else self.last_byte_ms


@dataclass(frozen=True)
class Work:
    """What was served in each minute: requests with status 200, their tokens, and the load."""

    requests: Ints
    prompt: Ints
    cached: Ints
    generated: Ints
    load: Floats


def slowness(load: Floats) -> Floats:
    """How many times slower than when empty. Rises with the load."""
    squared = load * load
    return 1.0 + 0.5 * load + 2.5 * squared * squared


def latency_of(work: Work, *, model: str, key: int, minutes: Ints) -> Latency:
    """The model above. Minutes without requests have the latency they would have had."""
    noise = 1.0 + _NOISE * normal_rows([key_of(key, "latency")], minutes)[0]
    factor = slowness(work.load) * np.clip(noise, 0.7, 1.3)
    requests = np.maximum(work.requests, 1)
    token_ms = SMALL_MODEL_TOKEN_MS if "mini" in model or "nano" in model else TOKEN_MS
    first = (FIRST_TOKEN_MS + PROMPT_TOKEN_MS * (work.prompt - work.cached) / requests) * factor
    between = np.where(work.generated > 0, token_ms * factor, np.nan)
    last = first + np.where(work.generated > 0, between * work.generated / requests, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        normalised = np.where(work.prompt > 0, first * requests / work.prompt, np.nan)
    return Latency(first, normalised, between, last, 1000.0 / between)
