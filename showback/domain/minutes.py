"""From what a source sent to hours of use: what is nought, what is a gap, and the sums.

Arrays are int64 and end in 60 minutes; MISSING (−1) is "not received". Rules, with their reasons,
in `docs/algorithms/usage.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_minute
from showback.domain.measures import MEASURES, MISSING

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

COUNTS = ("ok", "throttled", "other", "spilled", "prompt", "generated")
INDEX = {name: position for position, name in enumerate(MEASURES)}
# Azure's latency is one to three minutes; what is younger may still grow.
SETTLES_AFTER = timedelta(minutes=3)
# A pull every five minutes of what has settled, and some patience: what is younger is on its way.
ARRIVES_WITHIN = timedelta(minutes=15)


def settled_until(at: datetime) -> datetime:
    """Minutes that end at or before this moment are final enough to be read."""
    return floor_to_minute(at - SETTLES_AFTER)


def due_until(at: datetime) -> datetime:
    """Minutes that end at or before this moment are missing if they have not come."""
    return floor_to_minute(at - ARRIVES_WITHIN)


def due_minutes(known: Bools, window: Window, *, since: datetime | None, until: datetime) -> Bools:
    """Which minutes of the window ought to have come: from `since`, or the first that did.

    `known` has one element a minute of the window. `since` is when the deployment came, None where
    it was there before; `until` is `due_until`, or when it went away.
    """
    first = int(np.ceil((since - window.start) / MINUTE)) if since else 0
    if known.any():
        first = min(first, int(np.argmax(known)))
    places = np.arange(len(known))
    due: Bools = (places >= first) & (places < int((until - window.start) / MINUTE))
    return due


def settled_slots(window: Window, grain: timedelta, at: datetime) -> int:
    """How many of the window's slots, from its start, have settled at `at`."""
    slots = int(window.length / grain)
    return max(0, min(slots, int((settled_until(at) - window.start) / grain)))


def settle(values: Ints, failed: frozenset[str], settled: int) -> Ints:
    """(…, measures, slots): noughts filled in, what has not settled taken out.

    Of a measure that was answered, a settled slot without a value is nought where it counts
    something, for Azure sends no point for nothing. It stays a gap where the measure failed, for
    percentages, which have no value without traffic, and for what few deployments have at all.
    Slots from `settled` on are gaps in any case: a number that still grows would read as a dip.
    """
    result = values.copy()
    for name in COUNTS:
        if name not in failed:
            row = result[..., INDEX[name], :settled]
            row[row == MISSING] = 0
    result[..., settled:] = MISSING
    return result


def merged(newer: Ints, older: Ints) -> Ints:
    """Slot by slot: the newer value where one came, else the older one."""
    return np.where(newer == MISSING, older, newer)


@dataclass(frozen=True)
class HourSums:
    """Per row (one deployment's hour) what `UsageHour` holds; MISSING is NULL."""

    ok: Ints
    throttled: Ints
    other: Ints
    spilled: Ints
    prompt: Ints
    generated: Ints
    cached: Ints
    peak_tokens_per_minute: Ints
    throttled_minutes: Ints
    utilisation_percent_sum: Ints
    utilisation_minutes: Ints
    received: Ints
    expected: Ints
    priority: Ints
    active: Ints


def sums_of_minutes(values: Ints, expected: Ints) -> HourSums:
    """Of (rows, measures, 60). A minute counts as received when every count of it came.

    The cached tokens are estimated minute by minute (`_cached`).
    """
    present = values != MISSING
    plain = np.where(present, values, 0)
    by_measure = {name: plain[:, INDEX[name]] for name in MEASURES}
    complete = present[:, [INDEX[name] for name in COUNTS]].all(axis=1)
    tokens_known = present[:, INDEX["prompt"]] & present[:, INDEX["generated"]]
    tokens = np.where(tokens_known, by_measure["prompt"] + by_measure["generated"], MISSING)
    received = complete.sum(axis=1)
    throttled_known = present[:, INDEX["throttled"]].any(axis=1)
    return HourSums(
        **{name: by_measure[name].sum(axis=1) for name in COUNTS},
        cached=_cached(by_measure, present).sum(axis=1) // 100,
        peak_tokens_per_minute=tokens.max(axis=1),
        throttled_minutes=np.where(
            throttled_known, (by_measure["throttled"] > 0).sum(axis=1), MISSING
        ),
        utilisation_percent_sum=by_measure["utilisation_percent"].sum(axis=1),
        utilisation_minutes=present[:, INDEX["utilisation_percent"]].sum(axis=1),
        received=received,
        expected=np.maximum(expected, received),
        priority=_sum_of_any(by_measure, present, "priority"),
        active=_sum_of_any(by_measure, present, "active"),
    )


def sums_of_hours(values: Ints) -> HourSums:
    """Of (rows, measures), one slot an hour: the source's own sums, without peak or 429 minutes."""
    present = values != MISSING
    plain = np.where(present, values, 0)
    by_measure = {name: plain[:, INDEX[name]] for name in MEASURES}
    complete = present[:, [INDEX[name] for name in COUNTS]].all(axis=1)
    unknown = np.full(len(values), MISSING, dtype=np.int64)
    has_utilisation = present[:, INDEX["utilisation_percent"]]
    return HourSums(
        **{name: by_measure[name] for name in COUNTS},
        cached=_cached(by_measure, present) // 100,
        peak_tokens_per_minute=unknown,
        throttled_minutes=unknown,
        utilisation_percent_sum=by_measure["utilisation_percent"] * 60,
        utilisation_minutes=np.where(has_utilisation, 60, 0),
        received=np.where(complete, 60, 0),
        expected=np.full(len(values), 60, dtype=np.int64),
        priority=values[:, INDEX["priority"]],
        active=values[:, INDEX["active"]],
    )


def _sum_of_any(by_measure: Mapping[str, Ints], present: Bools, name: str) -> Ints:
    """MISSING where no minute of it came."""
    return np.where(present[:, INDEX[name]].any(axis=1), by_measure[name].sum(axis=1), MISSING)


def _cached(by_measure: Mapping[str, Ints], present: Bools) -> Ints:
    """In hundredths of tokens: tokens − active tokens where those came, else prompt × match rate.

    A rate that did not come counts as nought, so input is never priced too low; one beyond 100 %
    is the source's rounding, never more tokens.
    """
    prompt = by_measure["prompt"]
    by_rate = prompt * np.minimum(by_measure["cache_percent"], 100)
    is_active = present[:, INDEX["active"]]
    if not is_active.any():
        return by_rate
    counted = np.clip(prompt + by_measure["generated"] - by_measure["active"], 0, prompt)
    return np.where(is_active, counted * 100, by_rate)


def expected_minutes(hours: Ints, at: datetime) -> Ints:
    """Per hour (epoch seconds of its start) how many of its minutes have settled: 0 to 60."""
    settled = int(settled_until(at).timestamp())
    return np.clip((settled - hours) // int(MINUTE.total_seconds()), 0, 60)


def hour_starts(window: Window) -> Ints:
    """Epoch seconds of every hour that the window touches. The window begins on an hour."""
    first, seconds = int(window.start.timestamp()), int(HOUR.total_seconds())
    count = -(-int(window.length.total_seconds()) // seconds)
    return first + seconds * np.arange(count, dtype=np.int64)
