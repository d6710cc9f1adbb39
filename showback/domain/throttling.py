"""Incidents of refusals (429), and what is known of each minute of them.

An incident is a maximal run of minutes with refusals, in which at most two minutes in a row have
none (or are not known). What probably caused it is said by `throttling_causes.py`, how much demand
was lost by `lost_demand.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import MISSING

Ints = NDArray[np.int64]
Places = Ints | NDArray[np.bool_] | slice
LONGEST_PAUSE = 2  # minutes without refusals that do not end an incident


class Cause(StrEnum):
    TOKENS = "tokens"
    REQUESTS = "requests"
    REQUEST_SLICES = "request_slices"
    PTU_FULL = "ptu_full"
    NEIGHBOUR = "neighbour"
    GATEWAY_LIMIT = "gateway_limit"
    LIMIT_LOWERED = "limit_lowered"
    CANNOT_TELL = "cannot_tell"

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS = {
    Cause.TOKENS: "tokens per minute",
    Cause.REQUESTS: "requests per minute",
    Cause.REQUEST_SLICES: "requests within seconds",
    Cause.PTU_FULL: "provisioned units full",
    Cause.NEIGHBOUR: "another service took the room",
    Cause.GATEWAY_LIMIT: "the gateway’s own limit",
    Cause.LIMIT_LOWERED: "Azure lowered the limit",
    Cause.CANNOT_TELL: "cannot tell",
}


class Confidence(StrEnum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    NONE = ""  # with CANNOT_TELL only


@dataclass(frozen=True)
class Verdict:
    """The likely cause, how sure that is, and the facts it rests on in a sentence."""

    cause: Cause
    confidence: Confidence
    because: str
    counts_max_tokens: bool = False  # of TOKENS, PTU_FULL: what was stated exceeds what was used


@dataclass(frozen=True)
class Incident:
    """Minutes `[start, end)` by their place; `minutes` of them and `requests` were refused."""

    start: int
    end: int
    minutes: int
    requests: int

    @property
    def span(self) -> slice:
        return slice(self.start, self.end)


@dataclass(frozen=True)
class Minutes:
    """One deployment, one element a minute; MISSING is a gap or not known.

    `served` are admitted requests (answered, failed, spilled here); `answered` those of them whose
    tokens are in `prompt` and `generated`. `refused` are 429s that callers met: without those that
    went to a spill-over deployment and were served there. `by_gateway` are refusals of a gateway's
    own limit, which Azure never saw. `load` is tokens as the limit weighs them (provisioned), else
    prompt + generated. `token_limit` and `request_limit` are in force per minute.
    `own_share` is the share of the service in the served tokens, in thousandths, of a shared
    deployment whose callers a gateway measured; `only_own_refusals` says that `refused` is of the
    service alone there, else it is of all callers.
    """

    prompt: Ints
    generated: Ints
    load: Ints
    answered: Ints
    served: Ints
    refused: Ints
    by_gateway: Ints
    token_limit: Ints
    request_limit: Ints
    utilisation_percent: Ints
    own_share: Ints
    is_provisioned: bool = False
    is_shared: bool = False
    only_own_refusals: bool = False

    def at(self, places: Places) -> "Minutes":
        """These minutes alone."""
        own = vars(self).items()
        some: dict[str, Any] = {n: v if isinstance(v, bool) else v[places] for n, v in own}
        return Minutes(**some)

    @property
    def all_refused(self) -> Ints:
        """By Azure and by the gateway; MISSING where Azure's are."""
        gateway = np.maximum(self.by_gateway, 0)
        return np.where(
            self.refused == MISSING, np.where(gateway > 0, gateway, MISSING), self.refused + gateway
        )


def incidents(refused: Ints, *, longest_pause: int = LONGEST_PAUSE) -> list[Incident]:
    """Oldest first. MISSING counts as a minute without refusals: it neither starts nor ends one."""
    hit = np.flatnonzero(refused > 0)
    if not hit.size:
        return []
    cuts = np.flatnonzero(np.diff(hit) > longest_pause + 1)
    first = np.concatenate([[0], cuts + 1])
    last = np.concatenate([cuts, [hit.size - 1]])
    sums = np.add.reduceat(refused[hit], first)
    return [
        Incident(int(hit[a]), int(hit[b]) + 1, int(b - a) + 1, int(n))
        for a, b, n in zip(first, last, sums, strict=True)
    ]
