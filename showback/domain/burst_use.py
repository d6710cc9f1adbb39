"""What a burst that is over was good for: how much of it was used, and what it kept from refusal.

Minute by minute. What a burst served of a minute is what went beyond the capacity without it, and
never more than the burst itself. A minute was saved by it where nothing was refused and the minute
needed more than was held without it (`replay.units_needed`); so of minutes whose need is known,
`throttled_without` = `throttled_with` + saved. A minute that did not arrive is a gap: in none of
the counts, and in no mean. `docs/algorithms/replay.md` has worked numbers.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import MISSING

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Used:
    """None: not known, never nought. Shares are fractions of the burst; tokens are in the unit of
    capacity (weighted where it is provisioned). `judged` are the minutes that were replayed.
    """

    minutes: int
    received: int
    peak_share: float | None
    mean_share: float | None
    tokens: int | None
    judged: int
    throttled_with: int | None
    throttled_without: int | None


def burst_use(
    *, load: Ints, refused: Ints, needed: Ints | None, held: Ints, extra: Ints, per_unit: int | None
) -> Used:
    """One element a minute of the burst's window; MISSING is a gap.

    `load` tokens served, `refused` requests that callers met as refused, `needed` the fewest units
    that serve the minute (None: nobody states what a unit serves), `held` units in force, the burst
    among them, and `extra` what of them is the burst.
    """
    received = int(((load != MISSING) & (refused != MISSING)).sum())
    peak, mean, tokens = _shares(load, (held - extra), extra, per_unit)
    judged, with_it, without = _throttled(refused, needed, held - extra)
    return Used(len(load), received, peak, mean, tokens, judged, with_it, without)


def _shares(
    load: Ints, before: Ints, extra: Ints, per_unit: int | None
) -> tuple[float | None, float | None, int | None]:
    """(at its busiest minute, on average, tokens in all) of what the burst added."""
    known = (load != MISSING) & (extra > 0)
    if not per_unit or not known.any():
        return None, None, None
    room = extra[known] * per_unit
    served = np.clip(load[known] - before[known] * per_unit, 0, room)
    return float((served / room).max()), float(served.sum() / room.sum()), int(served.sum())


def _throttled(
    refused: Ints, needed: Ints | None, before: Ints
) -> tuple[int, int | None, int | None]:
    """(minutes that can be judged, those that were refused, those that would have been)."""
    if needed is None:
        return 0, None, None
    known = (needed != MISSING) & (refused != MISSING)
    if not known.any():
        return 0, None, None
    was = refused[known] > 0
    would = was | (needed[known] > before[known])
    return int(known.sum()), int(was.sum()), int(would.sum())
