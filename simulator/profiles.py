"""Week profiles: how busy a deployment is at each minute, as a share of its peak.

Two are fitted to measured traffic: ``code_week`` and ``conv_week`` are hourly means, in per cent of
the busiest hour, of the Azure LLM inference traces of May 2024 (Azure Public Dataset, CC-BY),
**digitised** from published plots at a ten-minute grain, so approximations. The others are our own
shapes. All times are UTC; between hour centres the value is interpolated.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulator.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR
from simulator.hashing import Floats, Ints, uniforms

HOURS_PER_WEEK = 168
MINUTES_PER_WEEK = HOURS_PER_WEEK * MINUTES_PER_HOUR
# The epoch was a Thursday; weeks here begin on Monday.
_EPOCH_OFFSET_MINUTES = 3 * MINUTES_PER_DAY

_CODE_WEEK = """
22 22 22 19 16 13 11 10  9  9  9 15 26 48 67 76 72 82 90 93 87 67 52 37
34 35 31 22 17 14 12  9  9 10 11 16 31 57 80 80 71 89 99 98 89 64 47 36
33 30 27 25 19 14 13 10 10  9 11 16 30 53 70 77 79 86 97 100 96 69 45 35
31 27 28 22 17 15 14 11 10 10 11 17 33 49 73 76 74 86 95 96 86 62 44 34
26 26 23 19 15 13 11 10  8  9 10 13 23 39 59 66 60 68 70 73 69 51 37 25
20 18 16 15 13 10  9  6  4  4  3  5  8 12 14 15 17 19 20 21 18 17 19 16
16 17 15 14 12 10  8  5  4  4  4  5  7  9 12 14 15 16 18 19 21 22 21 20
"""
_CONV_WEEK = """
59 66 66 54 55 59 68 72 76 71 70 74 80 90 100 93 81 77 76 75 70 56 55 58
64 67 69 56 57 60 70 78 76 75 70 77 87 93 99 93 86 81 85 78 70 63 54 51
60 65 62 51 54 58 67 71 73 74 67 71 81 89 91 86 77 74 77 72 63 48 46 51
60 69 66 55 54 60 73 77 83 79 63 66 76 89 92 81 75 75 74 68 60 53 46 52
62 66 64 53 55 61 67 73 71 71 63 64 71 77 78 73 67 67 59 55 52 43 36 34
35 37 38 31 31 33 34 37 39 34 38 42 46 46 51 51 49 46 41 39 42 38 35 32
33 35 34 30 28 29 30 34 34 33 33 37 38 48 45 48 44 45 46 42 41 40 38 46
"""
_OFFICE_DAY = "3 2 2 2 2 3 8 28 66 92 100 96 72 78 94 98 90 66 34 18 11 8 6 4"
_OFFICE_WEEKEND = "2 2 1 1 1 1 2 3 5 7 8 8 7 7 8 8 7 6 5 4 4 3 3 2"
_NIGHT_DAY = "85 100 100 95 80 40 8 2 1 1 1 1 1 1 1 1 1 1 1 2 5 12 35 65"


def _week(text: str) -> Floats:
    table = np.array([float(number) for number in text.split()]) / 100.0
    if table.size != HOURS_PER_WEEK:
        raise ValueError(f"A week profile needs 168 numbers, got {table.size}.")
    return table


_OFFICE_WEEK = _week(" ".join([_OFFICE_DAY] * 5 + [_OFFICE_WEEKEND] * 2))
_TABLES = {
    "code_week": _week(_CODE_WEEK),
    "conv_week": _week(_CONV_WEEK),
    "office": _OFFICE_WEEK,
    "night_batch": _week(" ".join([_NIGHT_DAY] * 7)),
}

_SPIKE_MINUTES = 20
_SPIKE_CHANCE = 0.05
_QUIET_LEVEL = 0.12
_MONTH_END_DAYS = 3
_ORDINARY_DAY_LEVEL = 0.45


def _from_week(table: Floats, minutes: Ints) -> Floats:
    """Linear between hour centres, so no minute jumps at the full hour."""
    position = ((minutes + _EPOCH_OFFSET_MINUTES) % MINUTES_PER_WEEK) / MINUTES_PER_HOUR - 0.5
    lower = np.floor(position).astype(np.int64)
    share = position - lower
    return table[lower % HOURS_PER_WEEK] * (1 - share) + table[(lower + 1) % HOURS_PER_WEEK] * share


def _spiky(minutes: Ints, key: int) -> Floats:
    """A quiet floor; about one twenty-minute block in twenty is at the peak."""
    blocks = minutes // _SPIKE_MINUTES
    return np.where(uniforms(key, blocks) < _SPIKE_CHANCE, 1.0, _QUIET_LEVEL)


def _month_end(minutes: Ints) -> Floats:
    """Office hours, full on the last three days and the first day of a month, else 45 %."""
    days = (minutes // MINUTES_PER_DAY).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    first_days = months.astype("datetime64[D]")
    next_first_days = (months + 1).astype("datetime64[D]")
    days_left = (next_first_days - days).astype(np.int64)
    busy = (days_left <= _MONTH_END_DAYS) | (days == first_days)
    return np.where(busy, 1.0, _ORDINARY_DAY_LEVEL)


_SHAPES: dict[str, Callable[[Ints, int], Floats]] = {
    "code_week": lambda minutes, _key: _from_week(_TABLES["code_week"], minutes),
    "conv_week": lambda minutes, _key: _from_week(_TABLES["conv_week"], minutes),
    "office": lambda minutes, _key: _from_week(_TABLES["office"], minutes),
    "night_batch": lambda minutes, _key: _from_week(_TABLES["night_batch"], minutes),
    "month_end": lambda minutes, _key: _from_week(_OFFICE_WEEK, minutes) * _month_end(minutes),
    "steady": lambda minutes, _key: np.ones(minutes.size),
    "spiky": _spiky,
    "none": lambda minutes, _key: np.zeros(minutes.size),
}
PROFILES: tuple[str, ...] = tuple(_SHAPES)


def level(profile: str, minutes: Ints, key: int) -> Floats:
    """Share of the peak, about 0 to 1, at each epoch minute. ``key`` places spikes."""
    return _SHAPES[profile](minutes, key)
