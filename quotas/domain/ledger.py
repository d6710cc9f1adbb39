"""Ledger arithmetic: what is held when. Pure; entries are values, sums are answers.

A reversal is an entry with negative units over the part of a window that it takes back, so every
question here is a sum over the entries in force. Windows are half-open: at the minute an entry
ends, it is over.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.kernel.windows import Window


@dataclass(frozen=True)
class Entry:
    """One ledger entry, as arithmetic needs it. `units` is negative for a reversal."""

    deployment_id: int
    units: int
    window: Window
    service_id: int | None = None
    kind: str = "baseline"
    request_id: int | None = None


@dataclass(frozen=True)
class Step:
    """From `at` on (until the next step) this many units are held."""

    at: datetime
    units: int


def units_at(entries: Iterable[Entry], at: datetime) -> int:
    """Σ units of the entries in force at the moment."""
    return sum(entry.units for entry in entries if at in entry.window)


def desired_units(entries: Iterable[Entry], at: datetime) -> dict[int, int]:
    """Per deployment that has an entry: what Azure ought to have at the moment.

    Order does not matter. A deployment whose entries are all over wants 0 here; the planner never
    writes a 0 (Headroom does not delete), it says so instead.
    """
    wanted: dict[int, int] = {}
    for entry in entries:
        in_force = entry.units if at in entry.window else 0
        wanted[entry.deployment_id] = wanted.get(entry.deployment_id, 0) + in_force
    return wanted


def steps_over(entries: Iterable[Entry], window: Window) -> list[Step]:
    """The held units over the window as steps; the first is at the window's start.

    Two entries that meet at a minute (one ends, one begins) make one step, so no gap and no double.
    """
    changes: dict[datetime, int] = {window.start: 0}
    for entry in entries:
        start, end = entry.window.start, entry.window.end
        if end <= window.start or start >= window.end:
            continue
        start = max(start, window.start)
        changes[start] = changes.get(start, 0) + entry.units
        if end < window.end:
            changes[end] = changes.get(end, 0) - entry.units
    held = 0
    found: list[Step] = []
    for at in sorted(changes):
        held += changes[at]
        if changes[at] or not found:
            found.append(Step(at, held))
    return found


def pieces(entries: Iterable[Entry], window: Window) -> list[tuple[Window, int]]:
    """The same as windows without a gap between them, each with what is held all through it."""
    return pieces_of(steps_over(entries, window), window.end)


def pieces_of(steps: Sequence[Step], end: datetime) -> list[tuple[Window, int]]:
    """Each step until the next one, the last until the end."""
    ends = [*(step.at for step in steps[1:]), end]
    return [(Window(s.at, until), s.units) for s, until in zip(steps, ends, strict=True)]
