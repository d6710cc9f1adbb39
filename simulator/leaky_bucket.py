"""Provisioned throughput: a leaky bucket filled by requests and drained at the rate of its units.

As the documentation puts it: an admitted request raises the utilisation by its estimated size
(prompt less cached tokens, plus ``max_tokens``, weighted); when it completes the estimate is
corrected to what it really used; utilisation falls all the time in proportion to the units; at
100 % and above a request gets a 429 at once.

Here the bucket holds twenty seconds of throughput, time goes in slots of ten, a request completes
in its own slot, and a day begins with an empty bucket, so that a day can be computed
alone. Tokens are poured as far as there is room; a minute serves as many requests as it took tokens
for, the one that fills the bucket being still served. That keeps the room left a monotone function
of the room before, and so **more units never serve fewer requests in any minute**
(see :func:`rooms`).

All amounts are whole numbers: weighted tokens times six, so that a slot's share of a minute's
throughput is whole too.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.hashing import Floats, Ints
from simulator.slots import SLOTS_PER_MINUTE

MILLISECONDS_PER_MINUTE = 60_000
SLOTS_HELD = 2
"""What the bucket holds, in slots of throughput; our choice, Azure does not say."""


@dataclass(frozen=True)
class Load:
    """What arrives: arrays of shape (minutes, 6).

    ``estimated`` is the weighted tokens at admission, ``actual`` what they turn out to be, at most
    the estimate.
    """

    requests: Ints
    estimated: Ints
    actual: Ints


@dataclass(frozen=True)
class Bucket:
    """Per minute: ``served`` requests, and ``utilisation`` in per cent."""

    served: Ints
    utilisation: Floats


def pour(load: Load, tokens_per_minute: Ints) -> Bucket:
    """Run the bucket over a run of minutes; ``tokens_per_minute`` is each minute's throughput.

    Utilisation is the throughput consumed (drained) in a minute ÷ what the units can drain in it.
    """
    size = np.repeat(tokens_per_minute, SLOTS_PER_MINUTE) * SLOTS_HELD
    drain = np.repeat(tokens_per_minute, SLOTS_PER_MINUTE)
    estimated = load.estimated.ravel() * SLOTS_PER_MINUTE
    actual = load.actual.ravel() * SLOTS_PER_MINUTE
    if np.array_equal(estimated, actual):
        room = rooms(actual, drain, size)
    else:
        room = rooms_corrected(estimated, actual, drain, size)
    taken = np.minimum(room, estimated)
    level = size - room + taken * actual // np.maximum(estimated, 1)
    drained = _by_minute(np.minimum(level, drain))
    return Bucket(
        served=_served(load.requests, _by_minute(taken), _by_minute(estimated), tokens_per_minute),
        utilisation=100.0 * drained / np.maximum(tokens_per_minute * SLOTS_PER_MINUTE, 1),
    )


def _by_minute(slots: Ints) -> Ints:
    total: Ints = slots.reshape(-1, SLOTS_PER_MINUTE).sum(axis=1)
    return total


def _served(requests: Ints, taken: Ints, estimated: Ints, tokens_per_minute: Ints) -> Ints:
    """Equal requests: the first k with (k - 1) × size < taken; those of no size if there is any."""
    wanted = requests.sum(axis=1)
    reach = -(-taken * wanted // np.maximum(estimated, 1))
    served: Ints = np.minimum(
        wanted, np.where(estimated > 0, reach, wanted * (tokens_per_minute > 0))
    )
    return served


def rooms(arriving: Ints, drain: Ints, size: Ints) -> Ints:
    """Room in the bucket at the start of each slot, estimates being exact.

    Slot by slot ``room' = min(max(room − arriving, 0) + drain, size')``: a shift cut below and
    above. Such functions stay of that form when one follows another, so all are composed in
    log2(n) rounds over whole arrays. They grow with ``room``, ``drain`` and ``size``, which is why
    more units leave at least as much room in every slot.
    """
    later = np.append(size[1:], size[-1:])
    shift, low, high = drain - arriving, np.minimum(drain, later), later.copy()
    step = 1
    while step < shift.size:
        # Slot i: first what the slots up to i − step did, then what those since did.
        s, lo, hi = shift[step:].copy(), low[step:].copy(), high[step:].copy()
        low[step:] = np.clip(low[:-step] + s, lo, hi)
        high[step:] = np.clip(high[:-step] + s, lo, hi)
        shift[step:] = shift[:-step] + s
        step *= 2
    room = np.clip(size[0] + shift, low, high)
    return np.concatenate([size[:1], room[:-1]])


def rooms_corrected(estimated: Ints, actual: Ints, drain: Ints, size: Ints) -> Ints:
    """The same where estimates exceed what is used: no closed form, so slot after slot.

    Of what is taken (``min(room, estimated)``) the overestimated share comes back, so this room too
    grows with the room before.
    """
    room = int(size[0])
    found = []
    rows = zip(estimated.tolist(), actual.tolist(), drain.tolist(),
               np.append(size[1:], size[-1:]).tolist(), strict=True)  # fmt: skip
    for wanted, used, drained, later in rows:
        found.append(room)
        taken = min(room, wanted)
        room = min(room - (taken * used // wanted if wanted else 0) + drained, later)
    return np.array(found, dtype=np.int64)
