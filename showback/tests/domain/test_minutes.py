"""Noughts and gaps, sums, and bytes for COPY."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.windows import HOUR, MINUTE, Window
from showback.domain import pgcopy
from showback.domain.measures import MEASURES, MISSING
from showback.domain.minutes import (
    INDEX,
    due_minutes,
    due_until,
    expected_minutes,
    hour_starts,
    merged,
    settle,
    settled_slots,
    sums_of_minutes,
)
from showback.tests.factories import utc

NOON = utc("2026-03-02 12:00")


def gaps(slots: int) -> np.ndarray:
    return np.full((len(MEASURES), slots), MISSING, dtype=np.int64)


def test_a_settled_slot_without_a_point_is_nought_for_counts_and_a_gap_for_percentages():
    settled = settle(gaps(3), frozenset(), 3)
    assert settled[INDEX["prompt"]].tolist() == [0, 0, 0]
    assert settled[INDEX["cache_percent"]].tolist() == [MISSING] * 3


def test_a_failed_measure_stays_a_gap():
    settled = settle(gaps(2), frozenset({"prompt"}), 2)
    assert settled[INDEX["prompt"]].tolist() == [MISSING, MISSING]
    assert settled[INDEX["ok"]].tolist() == [0, 0]


def test_what_has_not_settled_is_taken_out_even_if_a_value_came():
    values = gaps(3)
    values[INDEX["prompt"]] = 7
    assert settle(values, frozenset(), 2)[INDEX["prompt"]].tolist() == [7, 7, MISSING]


@pytest.mark.parametrize(
    ("at", "slots"),
    [
        (NOON, 0),
        (NOON + timedelta(minutes=3, seconds=59), 0),
        (NOON + timedelta(minutes=4), 1),
        (NOON + 2 * HOUR, 60),
    ],
)
def test_a_minute_settles_three_minutes_after_its_end(at, slots):
    assert settled_slots(Window(NOON, NOON + HOUR), MINUTE, at) == slots


def test_expected_minutes_of_hours():
    hours = hour_starts(Window(NOON - HOUR, NOON + 2 * HOUR))
    assert expected_minutes(hours, NOON + timedelta(minutes=33)).tolist() == [60, 30, 0]


@given(st.lists(st.tuples(st.integers(-1, 9), st.integers(-1, 9)), min_size=1))
def test_merging_keeps_the_newer_value_and_fills_its_gaps(pairs):
    newer, older = np.array(pairs, dtype=np.int64).T
    expected = [old if new == MISSING else new for new, old in pairs]
    assert merged(newer, older).tolist() == expected
    assert merged(merged(newer, older), older).tolist() == expected


@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1, 30, 500]))
def test_sums_are_of_what_came(seed, most):
    values = np.random.default_rng(seed).integers(-1, most, (1, len(MEASURES), 60), endpoint=True)
    columns = {name: values[0, INDEX[name]].tolist() for name in MEASURES}
    sums = sums_of_minutes(values, np.array([60]))
    minutes = [{name: columns[name][i] for name in MEASURES} for i in range(60)]
    known = [m for m in minutes if min(m["prompt"], m["generated"]) >= 0]
    assert sums.prompt[0] == sum(max(0, m["prompt"]) for m in minutes)
    tokens = [m["prompt"] + m["generated"] for m in known]
    assert sums.peak_tokens_per_minute[0] == max(tokens, default=MISSING)
    assert sums.throttled_minutes[0] == (
        sum(m["throttled"] > 0 for m in minutes)
        if any(m["throttled"] >= 0 for m in minutes)
        else MISSING
    )
    assert 0 <= sums.cached[0] <= sums.prompt[0]
    counts = ("ok", "throttled", "other", "spilled", "prompt", "generated")
    assert sums.received[0] == sum(all(m[name] >= 0 for name in counts) for m in minutes)


def test_active_tokens_tell_the_cached_ones_better_than_a_rate():
    values = gaps(60)[None]
    for name, first, second in (
        ("prompt", 1_000, 3_000),
        ("generated", 100, 100),
        ("cache_percent", 20, 50),
        ("active", 700, MISSING),
    ):
        values[0, INDEX[name], :2] = first, second
    sums = sums_of_minutes(values, np.array([60]))
    assert sums.cached[0] == (1_000 + 100 - 700) + 3_000 * 50 // 100
    assert sums.active[0] == 700


@pytest.mark.parametrize(("active", "cached"), [(0, 1_000), (1_200, 0), (1_100, 0), (99, 1_000)])
def test_cached_tokens_stay_within_the_prompt(active, cached):
    values = gaps(60)[None]
    for name, value in (("prompt", 1_000), ("generated", 100), ("active", active)):
        values[0, INDEX[name], 7] = value
    assert sums_of_minutes(values, np.array([60])).cached[0] == cached


def test_what_few_deployments_have_is_unknown_and_not_nought_elsewhere():
    settled = settle(gaps(60)[None], frozenset(), 60)
    sums = sums_of_minutes(settled, np.array([60]))
    assert (sums.ok[0], sums.priority[0], sums.active[0]) == (0, MISSING, MISSING)


def test_copy_bytes_of_known_rows():
    """Against the example of the format: one int8 and one int2[] with a NULL in it."""
    fields = [
        pgcopy.integers(np.array([5]), 8),
        pgcopy.integer_arrays(np.array([[1, MISSING]]), 2, missing=MISSING),
    ]
    body = pgcopy.copy_bytes(fields)[len(pgcopy.SIGNATURE) : -2]
    array = bytes.fromhex("00000001 00000001 00000015 00000002 00000001 00000002 0001 ffffffff")
    expected = bytes.fromhex("0002 00000008 0000000000000005") + len(array).to_bytes(4) + array
    assert body == expected


def test_an_array_of_gaps_alone_is_null():
    fields = [pgcopy.integer_arrays(np.array([[MISSING] * 3]), 4, missing=MISSING)]
    assert pgcopy.copy_bytes(fields)[len(pgcopy.SIGNATURE) : -2] == bytes.fromhex("0001 ffffffff")


@pytest.mark.parametrize(("size", "value"), [(2, 40_000), (4, 1 << 31)])
def test_a_value_that_does_not_fit_is_refused(size, value):
    with pytest.raises(OverflowError):
        pgcopy.integers(np.array([value]), size)


def test_what_is_on_its_way_or_came_before_the_deployment_is_not_missing():
    start = datetime(2026, 3, 2, tzinfo=UTC)
    window = Window(start, start + 10 * MINUTE)
    known = np.array([False] * 10)
    due = due_minutes(known, window, since=start + 2 * MINUTE, until=start + 6 * MINUTE)
    assert np.flatnonzero(due).tolist() == [2, 3, 4, 5]
    known[1] = True  # it was used before it was first seen
    due = due_minutes(known, window, since=start + 2 * MINUTE, until=start + 6 * MINUTE)
    assert np.flatnonzero(due).tolist() == [1, 2, 3, 4, 5]
    assert due_minutes(known, window, since=None, until=window.end + HOUR).all()


def test_a_minute_is_missing_a_quarter_of_an_hour_after_its_end():
    at = datetime(2026, 3, 2, 10, 0, 30, tzinfo=UTC)
    assert due_until(at) == datetime(2026, 3, 2, 9, 45, tzinfo=UTC)


@pytest.mark.parametrize("size", [2, 4])
def test_arrays_read_together_are_those_read_singly(size):
    values = np.arange(180, dtype=np.int64).reshape(3, 60) - 7
    fields = pgcopy.integer_arrays(values, size, missing=MISSING * 1000)
    raws = [row.tobytes()[4:] for row in fields.data]
    assert {len(raw) for raw in raws} == {pgcopy.whole_length(60, size)}
    together = pgcopy.whole_arrays(raws, 60, size)
    assert together.tolist() == values.tolist()
    assert [pgcopy.int_array(raw, missing=MISSING).tolist() for raw in raws] == values.tolist()
