"""Replays a history of minutes against another capacity: how many would have been throttled?

Demand is what callers wanted: served tokens plus an estimate of what 429s lost. A lost request is
taken to be as large as the mean served one of the same minute, or of the whole history where the
minute served none. Clients that retry are counted each time, so the estimate leans to more demand.
Azure counts `max_tokens` on admission, which no metric tells: the replay therefore compares whole
minutes, and says "about".
"""

import numpy as np
from numpy.typing import NDArray

from showback.domain.measures import MISSING

Ints = NDArray[np.int64]


def demand(tokens: Ints, served: Ints, throttled: Ints) -> Ints:
    """Tokens per minute that were wanted; MISSING where tokens or 429s of the minute are.

    `tokens` prompt + generated, `served` and `throttled` requests: all one element a minute.
    """
    known = (tokens != MISSING) & (served != MISSING) & (throttled != MISSING)
    served_known = served[known]
    mean = tokens[known].sum() / served_known.sum() if served_known.sum() else 0.0
    per_request = np.where(served > 0, tokens / np.maximum(served, 1), mean)
    wanted = tokens + np.rint(throttled * per_request).astype(np.int64)
    return np.where(known, wanted, MISSING)


def throttled_minutes(wanted: Ints, capacity_tokens_per_minute: int | Ints) -> int:
    """Minutes whose demand exceeds the capacity (one number, or one for each minute)."""
    return int(((wanted != MISSING) & (wanted > capacity_tokens_per_minute)).sum())


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
