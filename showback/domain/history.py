"""What history is fetched at first sight: which stretches, at which grain, in which order."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from portal.kernel.windows import DAY, HOUR, MINUTE, Window, floor_to_day, floor_to_hour
from showback.domain.months import Month, day_of, month_window

DAYS_OF_MINUTES = 28
FULL_MONTHS = 2
DAYS_PER_HOURLY_SLICE = 16


@dataclass(frozen=True, order=True)
class Slice:
    window: Window
    grain: timedelta


def slices(at: datetime, zone: ZoneInfo) -> list[Slice]:
    """Four weeks of minutes by the day, and by the hour what the two last full months lack.

    Newest first. All ends at the last whole hour; what is younger comes with the regular pull.
    Azure keeps metrics for 93 days, so this is within reach.
    """
    minutes_from = floor_to_day(at) - timedelta(days=DAYS_OF_MINUTES)
    found = list(_cut(Window(minutes_from, floor_to_hour(at)), DAY, MINUTE))
    month = Month.of(day_of(at, zone))
    for _ in range(FULL_MONTHS):
        month = month.previous
    hours_from = floor_to_hour(month_window(month, zone).start)
    if hours_from < minutes_from:
        step = timedelta(days=DAYS_PER_HOURLY_SLICE)
        found += _cut(Window(hours_from, minutes_from), step, HOUR)
    return sorted(found, key=lambda piece: piece.window.start, reverse=True)


def _cut(window: Window, step: timedelta, grain: timedelta) -> Iterator[Slice]:
    start = window.start
    while start < window.end:
        yield Slice(Window(start, min(start + step, window.end)), grain)
        start += step
