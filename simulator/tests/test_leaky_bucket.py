"""Provisioned throughput: filled by requests, drained by its units, 429 when full."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.hashing import Ints
from simulator.leaky_bucket import Load, pour, rooms, rooms_corrected
from simulator.slots import SLOTS_PER_MINUTE

MINUTES = 5
TPM = 6000  # a thousand tokens in ten seconds
counts = st.lists(st.integers(0, 12), min_size=30, max_size=30)
sizes = st.lists(st.integers(0, 900), min_size=MINUTES, max_size=MINUTES)
units = st.lists(st.integers(0, 9), min_size=MINUTES, max_size=MINUTES)


def load(requests: list[int], size: list[int], *, estimate: float = 1.0) -> Load:
    """Requests by slot, those of a minute being of one size."""
    slots = np.array(requests, dtype=np.int64).reshape(MINUTES, SLOTS_PER_MINUTE)
    actual = slots * np.array(size, dtype=np.int64)[:, np.newaxis]
    return Load(slots, np.rint(actual * estimate).astype(np.int64), actual)


def even(requests_per_slot: int, size: int) -> Load:
    return load([requests_per_slot] * 30, [size] * MINUTES)


def per_minute(tokens: int) -> Ints:
    return np.full(MINUTES, tokens, dtype=np.int64)


def test_below_its_throughput_everything_is_served_and_utilisation_is_the_share_in_use():
    bucket = pour(even(2, 250), per_minute(TPM))
    assert bucket.served.tolist() == [12] * MINUTES
    assert bucket.utilisation.tolist() == [50.0] * MINUTES


def test_over_its_throughput_it_serves_what_it_drains_and_is_full():
    bucket = pour(even(8, 250), per_minute(TPM))
    assert bucket.served.tolist() == [28, 24, 24, 24, 24]  # the first minute fills the bucket too
    assert bucket.utilisation.tolist() == [100.0] * MINUTES


def test_a_short_burst_is_admitted_and_drained_later():
    requests = [0] * 30
    requests[5] = 8  # two thousand tokens in the last ten seconds of the first minute
    bucket = pour(load(requests, [250] * MINUTES), per_minute(TPM))
    assert bucket.served[0] == 8
    assert bucket.utilisation[:3] == pytest.approx([100 / 6, 100 / 6, 0.0])


def test_the_same_requests_spread_out_are_all_served_where_a_burst_is_refused():
    bunched = [24, 0, 0, 0, 0, 0] * MINUTES
    assert pour(load(bunched, [250] * MINUTES), per_minute(TPM)).served.tolist() == [8] * MINUTES
    assert pour(even(4, 250), per_minute(TPM)).served.tolist() == [24] * MINUTES


def test_overstated_max_tokens_cause_refusals_although_utilisation_is_low():
    stated = load([2] * 30, [400] * MINUTES, estimate=4.0)
    bucket = pour(stated, per_minute(TPM))
    assert bucket.served.sum() < 60
    assert bucket.utilisation.max() < 80
    assert pour(even(2, 400), per_minute(TPM)).served.sum() == 60


def test_without_units_nothing_is_served():
    bucket = pour(even(2, 250), per_minute(0))
    assert bucket.served.sum() == 0
    assert bucket.utilisation.max() == 0.0


@given(counts, sizes, units)
def test_the_composed_form_is_exactly_the_slot_by_slot_one(
    requests: list[int], size: list[int], many: list[int]
):
    arriving = load(requests, size).actual.ravel() * SLOTS_PER_MINUTE
    drain = np.repeat(np.array(many, dtype=np.int64) * 1000, SLOTS_PER_MINUTE)
    assert np.array_equal(
        rooms(arriving, drain, drain * 2), rooms_corrected(arriving, arriving, drain, drain * 2)
    )


@given(counts, sizes, units, units, st.sampled_from([1.0, 1.7, 4.0]))
def test_more_units_never_serve_fewer_requests_in_any_minute(
    requests: list[int], size: list[int], many: list[int], more: list[int], estimate: float
):
    arriving = load(requests, size, estimate=estimate)
    little = np.array(many, dtype=np.int64) * 700
    much = little + np.array(more, dtype=np.int64) * 300
    assert (pour(arriving, much).served >= pour(arriving, little).served).all()
