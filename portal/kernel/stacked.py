"""Steps stacked over time as SVG paths, drawn on the server: no script, no style. Pure.

The box is `WIDTH` wide whatever the window, and is stretched to the page (its lines are not); so
places across are in per mille. Heights are pixels, from the top.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from portal.kernel.windows import Window

WIDTH = 1000


@dataclass(frozen=True)
class Slab:
    """From `start` to `until` something reaches from `low` to `high`, in the canvas's measure."""

    window: Window
    low: float
    high: float


@dataclass(frozen=True)
class Canvas:
    """`bottom` and `top` are the values at its lower and upper edge."""

    window: Window
    height: int
    top: float
    bottom: float = 0

    def x(self, at: datetime) -> float:
        inside = min(max(at, self.window.start), self.window.end)
        return WIDTH * ((inside - self.window.start) / self.window.length)

    def y(self, value: float) -> float:
        inside = min(max(value, self.bottom), self.top)
        return self.height * (self.top - inside) / (self.top - self.bottom)

    def area(self, slabs: Iterable[Slab]) -> str:
        """One path of all slabs; neighbours become one outline, empty ones are left out."""
        return "".join(self._outline(run) for run in _runs(slabs))

    def line(self, steps: Sequence[tuple[datetime, float | None]], until: datetime) -> str:
        """A stair from each step to the next, the last to `until`. None breaks it."""
        ends = [*(at for at, _ in steps[1:]), until]
        drawn, was = "", None
        for (at, value), end in zip(steps, ends, strict=True):
            if value is not None:
                to = f"V{short(self.y(value))}" if was is not None else self._move(at, value)
                drawn += f"{to}H{short(self.x(end))}"
            was = value
        return drawn

    def _move(self, at: datetime, value: float) -> str:
        return f"M{short(self.x(at))} {short(self.y(value))}"

    def _outline(self, run: Sequence[Slab]) -> str:
        over = "".join(f"V{short(self.y(s.high))}H{short(self.x(s.window.end))}" for s in run)
        under = "".join(
            f"V{short(self.y(s.low))}H{short(self.x(s.window.start))}" for s in reversed(run)
        )
        return f"{self._move(run[0].window.start, run[0].low)}{over}{under}Z"


def _runs(slabs: Iterable[Slab]) -> list[list[Slab]]:
    """Slabs that touch one another in time; equal neighbours are put together."""
    found: list[list[Slab]] = []
    for slab in slabs:
        if slab.high <= slab.low:
            continue
        last = found[-1][-1] if found else None
        if last is None or last.window.end != slab.window.start:
            found.append([slab])
        elif (last.low, last.high) == (slab.low, slab.high):
            found[-1][-1] = Slab(Window(last.window.start, slab.window.end), slab.low, slab.high)
        else:
            found[-1].append(slab)
    return found


def short(length: float) -> str:
    return f"{length:.1f}".removesuffix(".0")
