"""Capacities are dated and never forgotten."""

from __future__ import annotations

import numpy as np

from simulator.capacity import CapacityHistory, capacity_at_minutes


def at(history: CapacityHistory, *minutes: int) -> list[int]:
    return capacity_at_minutes(history.steps, np.array(minutes)).tolist()


def test_a_deployment_without_a_creation_time_has_always_been_there():
    assert at(CapacityHistory([(None, 7)]), 0, 10**7) == [7, 7]


def test_before_its_creation_a_deployment_has_no_capacity():
    assert at(CapacityHistory([(600.0, 7)]), 9, 10) == [0, 7]


def test_a_step_holds_from_the_first_whole_minute_on():
    history = CapacityHistory([(None, 7)])
    history.write(630.0, 20)
    assert at(history, 10, 11) == [7, 20]
    assert history.current == 20


def test_writes_keep_what_was_before_them():
    history = CapacityHistory([(None, 7)])
    history.write(600.0, 20)
    history.write(1200.0, 5)
    assert at(history, 0, 10, 19, 20) == [7, 20, 20, 5]


def test_a_write_after_the_clock_was_turned_back_replaces_the_later_ones():
    history = CapacityHistory([(None, 7)])
    history.write(1200.0, 20)
    history.write(600.0, 9)
    assert at(history, 5, 10, 30) == [7, 9, 9]


def test_a_write_before_the_creation_counts_from_the_creation():
    history = CapacityHistory([(600.0, 7)])
    history.write(0.0, 9)
    assert at(history, 5, 10) == [0, 9]


def test_the_steps_of_a_day_decide_all_its_minutes():
    history = CapacityHistory([(None, 7)])
    for number in range(1, 6):
        history.write(number * 40_000.0, number)
    for day in range(4):
        minutes = np.arange(day * 1440, (day + 1) * 1440)
        of_day = capacity_at_minutes(history.steps_of_day(day), minutes)
        assert np.array_equal(of_day, capacity_at_minutes(history.steps, minutes))
