"""Half-open windows of time `[start, end)` in UTC, and the slots they are made of."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# An entry that ends "never": far enough to be no date that anyone types, and still a plain
# timestamp.
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, order=True)
class Window:
    """`[start, end)`: holds its start, not its end. Raises ValueError when empty or not aware."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs aware times")
        if self.end <= self.start:
            raise ValueError(f"a window must end after it starts: {self.start} … {self.end}")

    def __contains__(self, at: datetime) -> bool:
        return self.start <= at < self.end

    @property
    def length(self) -> timedelta:
        """As time passes: two times of one zone would be subtracted by the clock on the wall, which
        jumps twice a year.
        """
        return self.end.astimezone(UTC) - self.start.astimezone(UTC)

    @property
    def hours(self) -> float:
        return self.length / HOUR

    def overlaps(self, other: "Window") -> bool:
        return self.start < other.end and other.start < self.end

    def holds(self, other: "Window") -> bool:
        """Whether the other window lies wholly inside this one."""
        return self.start <= other.start and other.end <= self.end

    def clipped_to(self, other: "Window") -> "Window | None":
        """The part inside the other window; None where they do not overlap."""
        if not self.overlaps(other):
            return None
        return Window(max(self.start, other.start), min(self.end, other.end))


def floor_to(at: datetime, step: timedelta) -> datetime:
    """The last multiple of `step` since the epoch that is not after `at` (UTC)."""
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % int(step.total_seconds()), UTC)


def floor_to_minute(at: datetime) -> datetime:
    return floor_to(at, MINUTE)


def floor_to_hour(at: datetime) -> datetime:
    return floor_to(at, HOUR)


def floor_to_day(at: datetime) -> datetime:
    return floor_to(at, DAY)


def steps(window: Window, step: timedelta) -> Iterator[datetime]:
    """The start of every step in the window, its own start first."""
    at = window.start
    while at < window.end:
        yield at
        at += step
