"""Shortening evenly spaced numbers for a picture, without hiding a peak or filling a gap. Pure."""

from collections.abc import Sequence
from datetime import timedelta
from typing import TypeVar

Numbers = Sequence[float | None]
T = TypeVar("T")
ROUND_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440)
)


def coarse_step(length: int, step: timedelta, most: int) -> int:
    """How many steps to put together so that at most `most` remain; round lengths first."""
    for rounder in ROUND_STEPS:
        if rounder % step == timedelta(0) and -(-length // (rounder // step)) <= most:
            return rounder // step
    return max(1, -(-length // most))


def peaks(numbers: Numbers, every: int) -> list[float | None]:
    """The highest of each `every` numbers; None only where all of them are missing."""
    if every == 1:
        return list(numbers)
    return [
        max((n for n in numbers[i : i + every] if n is not None), default=None)
        for i in range(0, len(numbers), every)
    ]


def sums(numbers: Numbers, every: int) -> list[float | None]:
    """The sum of each `every` numbers; None only where all of them are missing."""
    if every == 1:
        return list(numbers)
    return [
        sum(known) if (known := [n for n in numbers[i : i + every] if n is not None]) else None
        for i in range(0, len(numbers), every)
    ]


def runs(values: Sequence[T]) -> list[tuple[int, T]]:
    """(index, value) wherever the value differs from the one before; the first always."""
    return [(i, value) for i, value in enumerate(values) if i == 0 or value != values[i - 1]]
