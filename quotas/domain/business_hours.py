"""Business hours: how much of the time that passed was time in which people answer. Pure.

A day opens and closes by the clocks of its zone. Where the clocks are put forward or back between
the two, the day is an hour shorter or longer, as it is for the people in it. Intervals are
half-open: at the minute it closes, a day is closed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.kernel.windows import DAY, Window

MONDAY_TO_FRIDAY = frozenset(range(5))


@dataclass(frozen=True)
class BusinessHours:
    """`weekdays` as Python counts them, Monday 0; `holidays` are whole days of the zone."""

    zone: ZoneInfo
    opens: time = time(9)
    closes: time = time(17)
    weekdays: frozenset[int] = MONDAY_TO_FRIDAY
    holidays: frozenset[date] = field(default_factory=frozenset)

    def is_open_on(self, day: date) -> bool:
        return day.weekday() in self.weekdays and day not in self.holidays

    def opening(self, day: date) -> Window | None:
        """In UTC; None on a closed day. A clock that is skipped when the clocks go forward means
        the moment an hour later; one that is there twice means the first.
        """
        if not self.is_open_on(day):
            return None
        start, end = (
            datetime.combine(day, clock, self.zone).astimezone(UTC)
            for clock in (self.opens, self.closes)
        )
        return Window(start, end) if start < end else None


def business_time(hours: BusinessHours, since: datetime, until: datetime) -> timedelta:
    """How much of `[since, until)` people were there; nought where it is empty."""
    if until <= since:
        return timedelta(0)
    whole = Window(since, until)
    parts = (opening.clipped_to(whole) for opening in _openings(hours, whole))
    return sum((part.length for part in parts if part), timedelta(0))


def business_moment(
    hours: BusinessHours, since: datetime, wait: timedelta, *, until: datetime
) -> datetime:
    """The first moment at which people were there for `wait` since then; `until` at the latest,
    and where it is not after `since`.
    """
    if until <= since:
        return until
    whole, left = Window(since, until), wait
    for part in (opening.clipped_to(whole) for opening in _openings(hours, whole)):
        if part and part.length >= left:
            return part.start + left
        left -= part.length if part else timedelta(0)
    return until


def _openings(hours: BusinessHours, whole: Window) -> Iterator[Window]:
    day, last = (at.astimezone(hours.zone).date() for at in (whole.start, whole.end))
    while day <= last:
        if opening := hours.opening(day):
            yield opening
        day += DAY
