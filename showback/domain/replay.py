"""Replays a history of minutes against other capacities: how many would have been throttled?

Demand is what callers wanted: what was served, and what 429s lost. A refused attempt is not a
request: clients try again, so refused attempts count only with the share of them that were requests
of their own (`lost_demand.py`). A lost request is taken to be as large as the mean served one of
its minute, or of the whole history where the minute served none.

A minute needs the units of the limit it comes closest to, tokens or requests. A refused minute also
tells what its units really served, less than they stand for where `max_tokens`, slices of seconds
or a lowered limit bit: there the replay scales from what was served. Each minute then has one
number, and a capacity throttles the minutes that need more: never more minutes with more units.
Assumptions and worked numbers: `docs/algorithms/replay.md`.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from portal.kernel.units import UnitRate
from showback.domain.measures import MISSING

Ints = NDArray[np.int64]
# A minute that no capacity of this rate serves: more than anybody has.
BEYOND = 10**12


@dataclass(frozen=True)
class Demand:
    """Wanted in each minute: whole tokens (in the unit of capacity) and requests; MISSING: gap."""

    tokens: Ints
    requests: Ints


def demand(tokens: Ints, served: Ints, refused: Ints, unique_share: float = 1.0) -> Demand:
    """Served and lost together; MISSING where tokens, served or refused requests of a minute are.

    `tokens` of served requests, `served` and `refused` attempts: one element a minute.
    `unique_share` is how much of a refused attempt was a request that nothing served: 0 to 1.
    """
    known = (tokens != MISSING) & (served != MISSING) & (refused != MISSING)
    served_known = served[known]
    mean = tokens[known].sum() / served_known.sum() if served_known.sum() else 0.0
    per_request = np.where(served > 0, tokens / np.maximum(served, 1), mean)
    lost = refused * unique_share
    return Demand(
        tokens=np.where(known, tokens + np.rint(lost * per_request).astype(np.int64), MISSING),
        requests=np.where(known, served + np.rint(lost).astype(np.int64), MISSING),
    )


def units_needed(wanted: Demand, rate: UnitRate) -> Ints:
    """The fewest units that serve each minute, by tokens and by requests; MISSING is a gap."""
    needed = np.zeros_like(wanted.tokens)
    for amounts, per_unit in (
        (wanted.tokens, rate.tokens_per_minute),
        (wanted.requests, rate.requests_per_minute),
    ):
        if per_unit:
            needed = np.maximum(needed, -(-amounts // per_unit))
        elif per_unit == 0:
            needed = np.where(amounts > 0, BEYOND, needed)
    return np.where(wanted.tokens == MISSING, MISSING, needed)


def scaled_to_refusals(
    needed: Ints, wanted: Demand, served: Ints, refused: Ints, held: Ints
) -> Ints:
    """`needed`, where a minute was refused at least in proportion to what its units served.

    `held` is the units in force in each minute. A minute that was refused with them needs one more
    at least, whatever its tokens add up to.
    """
    was_refused = (refused > 0) & (served != MISSING) & (needed != MISSING) & (held > 0)
    share = wanted.requests / np.maximum(served, 1)
    proportional = np.ceil(held * np.where(served > 0, share, 1.0)).astype(np.int64)
    return np.where(was_refused, np.maximum.reduce([needed, proportional, held + 1]), needed)


@dataclass(frozen=True)
class Replay:
    """Many capacities against one history: sorted once, each answer is a search."""

    needed: Ints

    @cached_property
    def _sorted(self) -> Ints:
        return np.sort(self.needed[self.needed != MISSING])

    @property
    def minutes(self) -> int:
        """Known minutes; 0: nothing can be said."""
        return len(self._sorted)

    def throttled_minutes(self, units: Ints) -> Ints:
        """For each of these capacities the minutes that need more."""
        return self.minutes - np.searchsorted(self._sorted, units, side="right")

    def enough(self, throttled_minutes: int = 0) -> int | None:
        """The fewest units that throttle at most so many minutes; None without a minute."""
        if not self.minutes:
            return None
        left = self.minutes - 1 - throttled_minutes
        return int(self._sorted[left]) if left >= 0 else 0


def used_share_of_extra(tokens: Ints, before: Ints, extra: int) -> float | None:
    """Of the extra capacity of a burst, the largest share that any minute used: 0 to 1.

    `before` is the capacity per minute without the burst, `extra` what it adds, in tokens a minute.
    None without a received minute, or without extra.
    """
    known = tokens != MISSING
    if extra <= 0 or not known.any():
        return None
    above = int((tokens[known] - before[known]).max())
    return min(1.0, max(0, above) / extra)
