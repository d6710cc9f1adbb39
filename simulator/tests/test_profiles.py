"""Week profiles look like what they are named after."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.hashing import Floats
from simulator.profiles import PROFILES, level
from simulator.tests.worlds import day_of

MONDAY = day_of("2026-03-02")
HOUR = 60


def day_level(profile: str, day: int) -> Floats:
    return level(profile, np.arange(day * 1440, (day + 1) * 1440), 11)


@pytest.mark.parametrize("profile", PROFILES)
def test_levels_are_shares_of_the_peak(profile: str):
    week = level(profile, np.arange(MONDAY * 1440, (MONDAY + 7) * 1440), 11)
    assert week.min() >= 0.0
    assert week.max() <= 1.0


def test_code_traffic_sleeps_at_the_weekend_as_in_the_trace():
    """Azure 2024: a weekend day has about a third of a weekday of code traffic."""
    weekday = day_level("code_week", MONDAY + 1).mean()
    weekend = day_level("code_week", MONDAY + 5).mean()
    assert 0.2 < weekend / weekday < 0.45


def test_conversation_traffic_peaks_in_the_afternoon_of_a_weekday():
    tuesday = day_level("conv_week", MONDAY + 1)
    assert 13 * HOUR <= int(tuesday.argmax()) <= 16 * HOUR


def test_office_hours_are_busy_and_nights_are_not():
    monday = day_level("office", MONDAY)
    assert monday[10 * HOUR] > 0.9
    assert monday[3 * HOUR] < 0.1
    assert day_level("office", MONDAY + 6).max() < 0.1


def test_night_batch_runs_at_night():
    monday = day_level("night_batch", MONDAY)
    assert monday[2 * HOUR] > 0.9
    assert monday[14 * HOUR] < 0.05


def test_month_end_is_full_on_the_last_three_days_and_the_first():
    tops = {
        day: day_level("month_end", day_of(f"2026-04-{day:02d}")).max() for day in (1, 15, 27, 28)
    }
    assert tops[1] > 0.9
    assert tops[28] > 0.9
    assert tops[15] < 0.5
    assert tops[27] < 0.5


def test_spiky_traffic_has_a_quiet_floor_and_a_few_blocks_at_the_peak():
    month = level("spiky", np.arange(MONDAY * 1440, (MONDAY + 30) * 1440), 11)
    assert set(np.unique(month)) == {0.12, 1.0}
    assert 0.02 < (month == 1.0).mean() < 0.1


def test_no_minute_jumps_at_the_full_hour():
    week = level("code_week", np.arange(MONDAY * 1440, (MONDAY + 7) * 1440), 11)
    assert np.abs(np.diff(week)).max() < 0.01
