"""The capacity a deployment had at any minute: a list of dated steps, never forgotten."""

from __future__ import annotations

import math

import numpy as np

from simulator.clock import MINUTES_PER_DAY, SECONDS_PER_MINUTE
from simulator.hashing import Ints

Step = tuple[float, int]
"""(epoch seconds from which it is in force, capacity units); the first may be minus infinity."""


class CapacityHistory:
    """Steps in time order. Before the first step the deployment did not exist."""

    def __init__(self, steps: list[tuple[float | None, int]]) -> None:
        self._steps: list[Step] = [(-math.inf if at is None else at, units) for at, units in steps]

    @property
    def current(self) -> int:
        """The capacity last written."""
        return self._steps[-1][1]

    @property
    def steps(self) -> tuple[Step, ...]:
        """All steps, oldest first."""
        return tuple(self._steps)

    def write(self, at: float, capacity: int) -> None:
        """``capacity`` holds from ``at`` (epoch seconds) on.

        A write made after the clock was turned back replaces what had been written later.
        """
        first, *later = self._steps
        kept = [step for step in later if step[0] < at]
        self._steps = [first, *kept, (max(at, first[0]), capacity)]

    def steps_of_day(self, day: int) -> tuple[Step, ...]:
        """The steps that decide the minutes of an epoch day; equal steps give equal traffic."""
        start = day * MINUTES_PER_DAY * SECONDS_PER_MINUTE
        end = start + MINUTES_PER_DAY * SECONDS_PER_MINUTE
        before = [step for step in self._steps if step[0] <= start]
        return (*before[-1:], *(step for step in self._steps if start < step[0] < end))


def capacity_at_minutes(steps: tuple[Step, ...], minutes: Ints) -> Ints:
    """Units in force at the start of each epoch minute; 0 before the first step."""
    if not steps:
        return np.zeros(minutes.size, dtype=np.int64)
    starts = np.array([at for at, _ in steps])
    units = np.array([0, *(units for _, units in steps)], dtype=np.int64)
    return units[np.searchsorted(starts, minutes * SECONDS_PER_MINUTE, side="right")]
