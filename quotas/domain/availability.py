"""Does it fit: over every instant of a window, not at its start only. Pure.

Room is what normal entries may use: limit − reserve − what Azure has allocated outside Headroom.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from portal.kernel.windows import Window
from quotas.domain.ledger import Entry, Step, steps_over


@dataclass(frozen=True)
class Room:
    """The units of a pool that normal entries may use in all; never below nought."""

    limit_units: int
    reserve_units: int = 0
    outside_units: int = 0

    @property
    def units(self) -> int:
        return max(0, self.limit_units - self.reserve_units - self.outside_units)


@dataclass(frozen=True)
class Fit:
    """`largest_units` fits over the whole window; `longest` is the longest part of the window,
    from its start, over which all that was asked fits (None: not even at the start)."""

    asked_units: int
    largest_units: int
    tightest_at: datetime
    longest: Window | None
    peak_held_units: int
    room_units: int

    @property
    def fits(self) -> bool:
        return self.asked_units <= self.largest_units

    @property
    def peak_share(self) -> float:
        """Of the room, held at the worst instant if this were granted. Above 1: it does not fit."""
        after = self.peak_held_units + self.asked_units
        return after / self.room_units if self.room_units else float("inf")


def fit(entries: Sequence[Entry], room: Room, window: Window, units: int) -> Fit:
    """Checks `units` against every instant of the window."""
    return fit_beside(steps_over(entries, window), room, window, units)


def fit_beside(held: Sequence[Step], room: Room, window: Window, units: int) -> Fit:
    """The same of what is held already: steps of the window, the first at its start. One that is no
    higher than some earlier one may be left out, as nothing depends on it.
    """
    tightest = max(held, key=lambda step: step.units)  # the earliest of equals
    return Fit(
        asked_units=units,
        largest_units=max(0, room.units - tightest.units),
        tightest_at=tightest.at,
        longest=_longest(held, room, window, units),
        peak_held_units=tightest.units,
        room_units=room.units,
    )


def _longest(held: Sequence[Step], room: Room, window: Window, units: int) -> Window | None:
    most = room.units - units
    full_at = next((step.at for step in held if step.units > most), window.end)
    return Window(window.start, full_at) if full_at > window.start else None


def free_steps(entries: Sequence[Entry], room: Room, window: Window) -> list[Step]:
    """The free line of a pool: may be negative where Azure lowered a limit."""
    all_of_it = room.units
    return [Step(step.at, all_of_it - step.units) for step in steps_over(entries, window)]


def reserve_fit(held: Sequence[Step], room: Room, window: Window) -> Fit:
    """How much a pool could keep back without taking room from what is promised in the window: the
    present reserve counts as free.
    """
    return fit_beside(held, replace(room, reserve_units=0), window, 0)
