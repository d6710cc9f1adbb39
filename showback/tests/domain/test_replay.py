"""How many minutes other capacities would have throttled."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.units import UnitRate
from showback.domain.measures import MISSING
from showback.domain.replay import Replay, demand, scaled_to_refusals, units_needed

GPT = UnitRate(tokens_per_minute=1_000, requests_per_minute=6)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_demand_is_served_plus_lost():
    tokens, served, refused = ints(1000, 0, -1, 500), ints(10, 0, 5, 5), ints(5, 4, 1, 0)
    wanted = demand(tokens, served, refused)
    assert wanted.tokens.tolist() == [1500, 400, MISSING, 500]
    assert wanted.requests.tolist() == [15, 4, MISSING, 5]


def test_attempts_that_were_retries_are_no_demand():
    tokens, served, refused = ints(1000, 1000), ints(10, 10), ints(20, 0)
    wanted = demand(tokens, served, refused, unique_share=0.25)
    assert wanted.tokens.tolist() == [1500, 1000]
    assert wanted.requests.tolist() == [15, 10]


def test_a_minute_needs_the_units_of_the_limit_it_comes_closest_to():
    wanted = demand(ints(9_001, 500, MISSING), ints(6, 61, 5), ints(0, 0, 0))
    assert units_needed(wanted, GPT).tolist() == [10, 11, MISSING]
    only_tokens = UnitRate(tokens_per_minute=2_500, requests_per_minute=None)
    assert units_needed(wanted, only_tokens).tolist() == [4, 1, MISSING]


def test_a_refused_minute_needs_in_proportion_to_what_its_units_served():
    """10 units served 10 of 15 requests, though their tokens would have fitted into 2."""
    tokens, served, refused = ints(1_200, 1_200), ints(10, 10), ints(5, 0)
    wanted = demand(tokens, served, refused)
    needed = units_needed(wanted, GPT)
    scaled = scaled_to_refusals(needed, wanted, served, refused, held=ints(10, 10))
    assert (needed.tolist(), scaled.tolist()) == ([3, 2], [15, 2])


def test_a_minute_refused_whole_needs_more_than_it_had():
    wanted = demand(ints(0), ints(0), ints(7))
    scaled = scaled_to_refusals(units_needed(wanted, GPT), wanted, ints(0), ints(7), ints(20))
    assert scaled.tolist() == [21]


def test_enough_is_the_least_capacity_that_keeps_to_so_many_throttled_minutes():
    replay = Replay(ints(3, MISSING, 9, 5, 5))
    assert (replay.minutes, replay.enough(), replay.enough(1), replay.enough(4)) == (4, 9, 5, 0)
    assert replay.throttled_minutes(ints(2, 3, 4, 5, 9)).tolist() == [4, 3, 3, 1, 0]
    assert Replay(ints(MISSING)).enough() is None


minutes = st.lists(
    st.tuples(st.integers(-1, 50_000), st.integers(-1, 90), st.integers(-1, 40)),
    min_size=1,
    max_size=60,
)


@given(minutes, st.floats(0.25, 1), st.integers(0, 80), st.integers(0, 40))
def test_the_replay_is_monotone_in_capacity(rows, share, units, more):
    tokens, served, refused = (
        np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)
    )
    wanted = demand(tokens, served, refused, share)
    held = np.full_like(tokens, 10)
    needed = scaled_to_refusals(units_needed(wanted, GPT), wanted, served, refused, held)
    replay = Replay(needed)
    few, many = replay.throttled_minutes(ints(units, units + more))
    assert 0 <= many <= few <= replay.minutes
    assert (needed == MISSING).sum() == len(needed) - replay.minutes
    enough = replay.enough()
    if enough is not None:
        assert replay.throttled_minutes(ints(enough)).tolist() == [0]
        if enough:
            assert replay.throttled_minutes(ints(enough - 1))[0] > 0


@given(minutes)
def test_demand_never_falls_below_what_was_served(rows):
    tokens, served, refused = (
        np.array(column, dtype=np.int64) for column in zip(*rows, strict=True)
    )
    wanted = demand(tokens, served, refused, 0.5)
    known = wanted.tokens != MISSING
    assert (wanted.tokens[known] >= tokens[known]).all()
    assert (wanted.requests[known] >= served[known]).all()
