"""The shape of refused minutes: whether they stop at one level, and what moves with refusals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import MISSING
from showback.domain.throttling import Ints, Minutes

FEWEST = 5  # refused minutes from which on their shape says anything
LEVEL_TOKENS, LEVEL_REQUESTS = 0.03, 0.007  # spread ÷ median up to which minutes are level
MOST_STATED = 100.0  # max_tokens ÷ generated tokens; more is no explanation


@dataclass(frozen=True)
class Shape:
    """Of refused minutes whose tokens are known; spreads are standard deviation ÷ median."""

    minutes: int
    tokens: float
    requests: float
    token_spread: float
    request_spread: float
    stated: float
    stated_spread: float
    follows: float  # correlation of served with refused requests

    @classmethod
    def of(cls, hit: Minutes) -> "Shape | None":
        """None for fewer than FEWEST minutes."""
        known = (hit.load != MISSING) & (hit.served > 0) & (hit.answered > 0)
        if np.count_nonzero(known) < FEWEST:
            return None
        hit = hit.at(known)
        tokens = admitted_tokens(hit)
        scale = hit.served / np.maximum(hit.answered, 1)
        prompt, generated = hit.prompt * scale, hit.generated * scale
        times = (hit.token_limit - prompt) / np.maximum(generated, 1)
        stated = float(np.median(times)) if (hit.token_limit != MISSING).all() else 1.0
        return cls(
            minutes=len(hit.load),
            tokens=float(np.median(tokens)),
            requests=float(np.median(hit.served)),
            token_spread=spread(tokens),
            request_spread=spread(hit.served),
            stated=stated,
            stated_spread=spread(prompt + stated * generated),
            follows=correlation(hit.served, hit.refused),
        )

    @property
    def tolerance(self) -> float:
        """A limit is overstepped by the last request: a spread of one in √12 of their number."""
        return max(LEVEL_TOKENS, 1 / (12**0.5 * max(self.requests, 1)) + 0.01)

    @property
    def is_level(self) -> bool:
        return self.token_spread <= self.tolerance or self.request_spread <= LEVEL_REQUESTS

    @property
    def level_with_stated(self) -> bool:
        return 1.1 < self.stated < MOST_STATED and self.stated_spread <= self.tolerance


def admitted_tokens(hit: Minutes) -> Ints:
    """Tokens of all that was admitted: failed requests count against the limit, unmetered."""
    known = (hit.load != MISSING) & (hit.served != MISSING)
    scaled = hit.load * hit.served // np.maximum(hit.answered, 1)
    return np.where(known, np.where(hit.answered > 0, scaled, 0), MISSING)


def share_of(used: Ints, limit: Ints) -> float | None:
    known = (used != MISSING) & (limit > 0)
    return float(np.median(used[known] / limit[known])) if known.any() else None


def spread(values: Ints | NDArray[np.float64]) -> float:
    middle = float(np.median(values))
    return float(np.std(values)) / middle if middle > 0 else float("inf")


def correlation(a: Ints, b: Ints) -> float:
    if np.std(a) == 0 or np.std(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
