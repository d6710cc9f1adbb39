"""What a burst was good for: minute by minute, with gaps, refusals and what was given back."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from showback.domain.burst_use import Used, burst_use
from showback.domain.measures import MISSING


def used(load, *, refused=None, needed=None, held=30, extra=10, per_unit=1000) -> Used:
    """30 units are held, 10 of them the burst's; 1,000 tokens a unit."""
    size = len(load)
    full = np.full(size, 0, dtype=np.int64)
    return burst_use(
        load=np.array(load, dtype=np.int64),
        refused=full if refused is None else np.array(refused, dtype=np.int64),
        needed=None if needed is None else np.array(needed, dtype=np.int64),
        held=full + held,
        extra=full + extra,
        per_unit=per_unit,
    )


def test_what_goes_beyond_the_capacity_without_it_is_the_bursts_and_never_more_than_it() -> None:
    found = used([15_000, 20_000, 25_000, 90_000])
    assert (found.peak_share, found.mean_share, found.tokens) == (1.0, 0.375, 15_000)


def test_a_gap_is_in_no_mean_and_in_no_count() -> None:
    found = used([25_000, MISSING], refused=[0, MISSING], needed=[25, MISSING])
    assert (found.minutes, found.received, found.judged) == (2, 1, 1)
    assert found.mean_share == 0.5
    assert (found.throttled_with, found.throttled_without) == (0, 1)


def test_a_refused_minute_is_not_saved_and_one_that_needed_more_is() -> None:
    found = used([30_000, 25_000, 19_000], refused=[3, 0, 0], needed=[33, 25, 19])
    assert (found.throttled_with, found.throttled_without) == (1, 2)


def test_a_minute_refused_below_what_was_held_anyway_is_throttled_either_way() -> None:
    """Such as by a lowered limit: it needs little by the replay, and was refused all the same."""
    found = used([5_000], refused=[1], needed=[5])
    assert (found.throttled_with, found.throttled_without) == (1, 1)


def test_without_a_burst_left_in_a_minute_there_is_nothing_to_share() -> None:
    assert used([25_000], extra=0).peak_share is None


minutes = st.lists(
    st.tuples(
        st.integers(-1, 60_000).map(lambda n: MISSING if n < 0 else n),
        st.integers(-1, 5).map(lambda n: MISSING if n < 0 else n),
        st.integers(-1, 60).map(lambda n: MISSING if n < 0 else n),
    ),
    min_size=1,
    max_size=30,
)


@given(minutes)
def test_a_burst_never_throttles_and_shares_stay_between_nothing_and_all(rows) -> None:
    load, refused, needed = (list(column) for column in zip(*rows, strict=True))
    found = used(load, refused=refused, needed=needed)
    if found.throttled_with is not None and found.throttled_without is not None:
        assert 0 <= found.throttled_with <= found.throttled_without <= found.judged
    if found.peak_share is not None and found.mean_share is not None:
        assert 0 <= found.mean_share <= found.peak_share <= 1
    assert found.received <= found.minutes
