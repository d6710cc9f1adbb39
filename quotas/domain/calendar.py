"""What a pool has promised over a window, stacked by holder. Pure.

A holder's level is the sum of its entries in force; reversals count against what they take back, so
levels are never negative. Where there are more edges than a picture has room for, each column
shows its fullest moment, whole: so the parts of a column always add up, and no peak is lost.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from portal.kernel.windows import Window
from quotas.domain.ledger import Entry, Step, steps_over


@dataclass(frozen=True)
class Column:
    """`levels` in the order of the holders, units; held all through it, or at its fullest."""

    window: Window
    levels: tuple[int, ...]

    @property
    def held(self) -> int:
        return sum(self.levels)


@dataclass(frozen=True)
class Stack:
    """`columns` follow one another without a gap. `is_exact`: each is held all through it."""

    columns: list[Column]
    is_exact: bool


Event = tuple[datetime, int, int]  # when, of which holder, by how many units


def stack(held: Sequence[Iterable[Entry]], window: Window, *, most_columns: int) -> Stack:
    """`held` are the entries of each holder, bottom first."""
    events = sorted(_events(held, window))
    edges = sorted({window.start, *(at for at, _, _ in events)})
    if len(edges) <= most_columns:
        return Stack(_columns(events, edges, window.end, len(held)), is_exact=True)
    width = window.length / most_columns
    grid = [window.start + width * i for i in range(most_columns)]
    return Stack(_columns(events, grid, window.end, len(held)), is_exact=False)


def _events(held: Sequence[Iterable[Entry]], window: Window) -> Iterable[Event]:
    for holder, entries in enumerate(held):
        for entry in entries:
            part = entry.window.clipped_to(window)
            if part is not None:
                yield part.start, holder, entry.units
                if part.end < window.end:
                    yield part.end, holder, -entry.units


def _columns(
    events: Sequence[Event], starts: Sequence[datetime], end: datetime, holders: int
) -> list[Column]:
    """Each column's fullest moment; what happens at one instant happens at once."""
    levels, found, at = [0] * holders, [], 0
    for start, until in pairwise([*starts, end]):
        at = _apply(events, at, levels, through=start)
        fullest = tuple(levels)
        while at < len(events) and events[at][0] < until:
            at = _apply(events, at, levels, through=events[at][0])
            if sum(levels) > sum(fullest):
                fullest = tuple(levels)
        found.append(Column(Window(start, until), fullest))
    return found


def _apply(events: Sequence[Event], at: int, levels: list[int], *, through: datetime) -> int:
    while at < len(events) and events[at][0] <= through:
        _, holder, units = events[at]
        levels[holder] += units
        at += 1
    return at


@dataclass(frozen=True)
class Lines:
    """How a pool's bounds stood: each from its step to the next. No `limit`: it was not known."""

    limit: Sequence[Step]
    outside: Sequence[Step]
    reserve: Sequence[Step]


@dataclass(frozen=True)
class Bounds:
    limit: int
    outside: int
    reserve: int

    @property
    def room(self) -> int:
        """What normal entries may use; below nought where Azure lowered the limit."""
        return self.limit - self.outside - self.reserve


@dataclass(frozen=True)
class Moment:
    """From `at` on: what is held, and within which bounds (None: not known)."""

    at: datetime
    held: int
    bounds: Bounds | None

    @property
    def free(self) -> int | None:
        return None if self.bounds is None else self.bounds.room - self.held

    @property
    def is_over(self) -> bool:
        """More is promised than Azure leaves: grants are at risk."""
        return self.bounds is not None and self.held > self.bounds.limit - self.bounds.outside


def moments(entries: Iterable[Entry], lines: Lines, window: Window) -> list[Moment]:
    """Each instant of the window at which what is held, or a bound, changes; the first its start.

    Every list is walked once, so the cost is that of the sort.
    """
    series = [steps_over(entries, window), lines.limit, lines.outside, lines.reserve]
    changes = {step.at for steps in series for step in steps if step.at in window}
    edges = sorted({window.start, *changes})
    levels = [_levels(steps, edges) for steps in series]
    found: list[Moment] = []
    for at, in_all, limit, outside, reserve in zip(edges, *levels, strict=True):
        bounds = None if limit is None else Bounds(limit, outside or 0, reserve or 0)
        if not found or (in_all, bounds) != (found[-1].held, found[-1].bounds):
            found.append(Moment(at, in_all or 0, bounds))
    return found


def _levels(steps: Sequence[Step], edges: Sequence[datetime]) -> list[int | None]:
    found: list[int | None] = []
    at, level = 0, None
    for edge in edges:
        while at < len(steps) and steps[at].at <= edge:
            level = steps[at].units
            at += 1
        found.append(level)
    return found


def peak(entries: Iterable[Entry], window: Window) -> int:
    """The most that is held at one instant of the window."""
    return max(step.units for step in steps_over(entries, window))
