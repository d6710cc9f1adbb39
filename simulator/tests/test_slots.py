"""Requests within a minute, and shares of counts: whole numbers whose sums are exact."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.slots import multiplied, share_of, spread_over_slots

MINUTES = np.arange(500, dtype=np.int64)
many = st.lists(st.integers(0, 5000), min_size=1, max_size=20)


@given(many, st.floats(0, 1), st.integers(0, 2**60))
def test_the_slots_of_a_minute_sum_to_its_requests(counts: list[int], burstiness: float, key: int):
    requests = np.array(counts, dtype=np.int64)
    slots = spread_over_slots(requests, burstiness, key, MINUTES[: requests.size])
    assert (slots >= 0).all()
    assert np.array_equal(slots.sum(axis=1), requests)


def test_without_burstiness_requests_lie_evenly_and_with_all_of_it_in_one_slot():
    requests = np.full(500, 60)
    assert (spread_over_slots(requests, 0.0, 1, MINUTES) == 10).all()
    bunched = spread_over_slots(requests, 1.0, 1, MINUTES)
    assert (bunched.max(axis=1) == 60).all()
    assert set(bunched.argmax(axis=1)) == set(range(6))


@given(many, st.floats(0, 1), st.integers(0, 2**60))
def test_a_share_is_whole_and_never_more_than_the_count(counts: list[int], share: float, key: int):
    whole = np.array(counts, dtype=np.int64)
    part = share_of(whole, share, key, MINUTES[: whole.size])
    assert ((part >= 0) & (part <= whole)).all()
    assert (np.abs(part - whole * share) < 1.001).all()


def test_a_small_share_is_right_on_average():
    assert share_of(np.full(500, 3), 0.1, 7, MINUTES).mean() == pytest.approx(0.3, abs=0.06)


def test_a_factor_multiplies_on_average_and_never_makes_less():
    sent = multiplied(np.full(500, 3), 1.5, 7, MINUTES)
    assert sent.mean() == pytest.approx(4.5, abs=0.1)
    assert sent.min() >= 3
    assert multiplied(np.zeros(500, dtype=np.int64), 4.0, 7, MINUTES).sum() == 0
