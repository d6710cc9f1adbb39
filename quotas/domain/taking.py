"""Taking capacity back from what is held: which entries give how much, over which windows. Pure.

What is held may be several entries with holes in them (earlier reversals). Units are taken from the
first of them as far as they go, then from the next, at every instant of the window.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.kernel.windows import Window

Held = Sequence[tuple[Window, int]]  # what is left of one entry: windows in order, without overlap


@dataclass(frozen=True)
class Part:
    """`units` to take back from the entry at `index`, all through the window."""

    index: int
    window: Window
    units: int


@dataclass(frozen=True)
class Short:
    """Less is held than is to be taken: from `at` on there are only `units`."""

    at: datetime
    units: int


def take(held: Sequence[Held], window: Window, units: int) -> list[Part] | Short:
    """The parts that together take `units` at every instant of the window, or where it is short."""
    parts: list[Part] = []
    for piece in _segments(held, window):
        left = units
        for index, entry in enumerate(held):
            there = next((n for w, n in entry if piece.start in w), 0)
            part = min(max(there, 0), left)
            if part:
                parts.append(Part(index, piece, part))
                left -= part
        if left:
            return Short(piece.start, units - left)
    return _joined(parts)


def least_held(held: Sequence[Held], window: Window) -> int:
    """The units that are held together at every instant of the window."""
    return min(
        sum(max(n, 0) for entry in held for w, n in entry if piece.start in w)
        for piece in _segments(held, window)
    )


def _segments(held: Sequence[Held], window: Window) -> list[Window]:
    edges = {edge for entry in held for w, _ in entry for edge in (w.start, w.end)}
    inside = sorted({window.start, window.end} | {e for e in edges if e in window})
    return [Window(a, b) for a, b in zip(inside, inside[1:], strict=False)]


def _joined(parts: list[Part]) -> list[Part]:
    """Neighbours of the same entry and amount are one: a ledger is read by people, too."""
    joined: list[Part] = []
    for part in sorted(parts, key=lambda p: (p.index, p.window.start)):
        last = joined[-1] if joined else None
        meets = last and (last.index, last.units, last.window.end) == (
            part.index, part.units, part.window.start,
        )  # fmt: skip
        if last and meets:
            joined[-1] = Part(part.index, Window(last.window.start, part.window.end), part.units)
        else:
            joined.append(part)
    return joined
