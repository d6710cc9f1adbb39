"""What history is fetched at first sight: which stretches, at which grain, in which order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portal.kernel.windows import DAY, HOUR, MINUTE, Window, floor_to_day, floor_to_hour
from showback.domain.months import Month, day_of, month_window

MOST_DAYS = 93  # Azure keeps metrics for so long
FULL_MONTHS = 2
DAYS_PER_HOURLY_SLICE = 16


@dataclass(frozen=True, order=True)
class Slice:
    window: Window
    grain: timedelta


def slices(at: datetime, zone: ZoneInfo, *, days: int) -> list[Slice]:
    """So many days of minutes, day by day, and by the hour what the two last full months lack.

    Newest first. All ends at the last whole hour; what is younger comes with the regular pull.
    Azure keeps metrics for 93 days, so this is within reach.
    """
    found = slices_of_minutes(at, days=days)
    minutes_from = floor_to_day(at) - timedelta(days=days)
    month = Month.of(day_of(at, zone))
    for _ in range(FULL_MONTHS):
        month = month.previous
    hours_from = floor_to_hour(month_window(month, zone).start)
    if hours_from < minutes_from:
        step = timedelta(days=DAYS_PER_HOURLY_SLICE)
        found += _cut(Window(hours_from, minutes_from), step, HOUR)
    return sorted(found, key=lambda piece: piece.window.start, reverse=True)


def slices_of_minutes(at: datetime, *, days: int) -> list[Slice]:
    """Today until the last whole hour, and so many whole days before it, newest first.

    Raises ValueError for more days than Azure keeps.
    """
    if not 0 <= days <= MOST_DAYS:
        raise ValueError(f"Azure keeps {MOST_DAYS} days of metrics, not {days}")
    start = floor_to_day(at) - timedelta(days=days)
    return list(_cut(Window(start, floor_to_hour(at)), DAY, MINUTE))[::-1]


def _cut(window: Window, step: timedelta, grain: timedelta) -> Iterator[Slice]:
    start = window.start
    while start < window.end:
        yield Slice(Window(start, min(start + step, window.end)), grain)
        start += step
