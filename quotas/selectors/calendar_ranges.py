"""Which stretch of time a calendar shows: a day, week, month or quarter of the person's zone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from portal.kernel.windows import DAY, Window

RANGES = {"day": "Day", "week": "Week", "month": "Month", "quarter": "Quarter"}
USUAL = "week"
EARLIEST, LATEST = date(2015, 1, 1), date(2200, 1, 1)  # neither end leaves the calendar


@dataclass(frozen=True)
class Range:
    """`first` is its first day, `after` the first day after it, both of the person's zone."""

    name: str
    first: date
    after: date
    zone: tzinfo

    @property
    def window(self) -> Window:
        """Wall-clock midnights: the day on which a clock changes has 23 or 25 hours (I14)."""
        return Window(_midnight(self.first, self.zone), _midnight(self.after, self.zone))

    @property
    def title(self) -> str:
        """`Mon 2 Mar 2026`, `2 – 8 Mar 2026`, `March 2026`, `January – March 2026`."""
        first, last = self.first, self.after - DAY
        if self.name == "day":
            return f"{first:%a} {first.day} {first:%b %Y}"
        if self.name == "month":
            return f"{first:%B %Y}"
        if self.name == "quarter":
            return f"{first:%B} – {last:%B %Y}"
        month = "" if first.month == last.month else f" {first:%b}"
        return f"{first.day}{month} – {last.day} {last:%b %Y}"

    @property
    def query(self) -> str:
        return f"?range={self.name}&from={self.first.isoformat()}"

    def as_range(self, name: str) -> "Range":
        """Another range that holds this one's first day."""
        return around(name, self.first, self.zone)

    @property
    def previous(self) -> "Range":
        return around(self.name, max(self.first - DAY, EARLIEST), self.zone)

    @property
    def next(self) -> "Range":
        return around(self.name, min(self.after, LATEST), self.zone)

    def ticks(self) -> list[tuple[datetime, str, bool]]:
        """Where a label stands, in order; the third says whether a narrow page keeps it."""
        if self.name == "day":
            hours = [
                datetime.combine(self.first, time(hour), self.zone) for hour in range(0, 24, 3)
            ]
            return [(at.astimezone(UTC), f"{at:%H:%M}", at.hour % 6 == 0) for at in hours]
        days = [self.first + timedelta(i) for i in range((self.after - self.first).days)]
        if self.name == "week":
            return [(_midnight(d, self.zone), f"{d:%a} {d.day}", i % 2 == 0)
                    for i, d in enumerate(days)]  # fmt: skip
        step = "month" if self.name == "quarter" else "week"
        found = [d for d in days if d.weekday() == 0 or d.day == 1]
        return [
            (_midnight(d, self.zone), f"{d.day} {d:%b}", d.day == 1 or step == "week" and d.day > 7)
            for d in found
            if d.day == 1 or d.day > 4  # no label beside that of the first
        ]


def range_of(params: Mapping[str, str], *, at: datetime, zone: tzinfo) -> Range:
    """`?range=week&from=2026-03-02`. What cannot be read is this week."""
    name = params.get("range", USUAL)
    try:
        day = date.fromisoformat(params.get("from", ""))
    except ValueError:
        day = at.astimezone(zone).date()
    return around(name if name in RANGES else USUAL, min(max(day, EARLIEST), LATEST), zone)


def around(name: str, day: date, zone: tzinfo) -> Range:
    """The range that holds the day; weeks begin on Mondays."""
    if name == "day":
        return Range(name, day, day + DAY, zone)
    if name == "week":
        monday = day - timedelta(day.weekday())
        return Range(name, monday, monday + timedelta(7), zone)
    months = 1 if name == "month" else 3
    month = day.month - (day.month - 1) % months
    first = day.replace(month=month, day=1)
    return Range(name, first, _months_on(first, months), zone)


def _months_on(first: date, months: int) -> date:
    years, month = divmod(first.month - 1 + months, 12)
    return date(first.year + years, month + 1, 1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
