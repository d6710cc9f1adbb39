"""Days and months of the finance time zone, and the UTC windows behind them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from portal.kernel.windows import HOUR, Window, floor_to_hour


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month; `2026-11` in addresses. Raises ValueError when it does not exist."""

    year: int
    number: int

    def __post_init__(self) -> None:
        date(self.year, self.number, 1)

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @classmethod
    def of(cls, day: date) -> "Month":
        return cls(day.year, day.month)

    @classmethod
    def parse(cls, text: str) -> "Month":
        """From `2026-11`. Raises ValueError for anything else."""
        year, _, number = text.partition("-")
        if len(year) != 4 or len(number) != 2 or not (year + number).isdecimal():
            raise ValueError(f"not a month: {text}")
        return cls(int(year), int(number))

    @property
    def first_day(self) -> date:
        return date(self.year, self.number, 1)

    @property
    def last_day(self) -> date:
        return self.following.first_day - timedelta(days=1)

    @property
    def following(self) -> "Month":
        return Month(self.year + 1, 1) if self.number == 12 else Month(self.year, self.number + 1)

    @property
    def previous(self) -> "Month":
        return Month(self.year - 1, 12) if self.number == 1 else Month(self.year, self.number - 1)

    @property
    def name(self) -> str:
        return f"{self.first_day:%B %Y}"


def day_of(at: datetime, zone: ZoneInfo) -> date:
    """The day to which a moment belongs. An hour belongs to the day of its start."""
    return at.astimezone(zone).date()


def day_window(day: date, zone: ZoneInfo) -> Window:
    """23, 24 or 25 whole hours: those that start in the day."""
    return Window(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def month_window(month: Month, zone: ZoneInfo) -> Window:
    return Window(_midnight(month.first_day, zone), _midnight(month.following.first_day, zone))


def same_day_before(last: date, month: Month) -> date:
    """The day of `month` with the number of `last`, or the month's last day where it is shorter."""
    return date(month.year, month.number, min(last.day, month.last_day.day))


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first whole hour (UTC) of the day: half past, in zones that are off by half an hour."""
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    hour = floor_to_hour(midnight)
    return hour if hour == midnight else hour + HOUR
