"""Refusals that nobody met, because another deployment served them."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from showback.domain.measures import MISSING
from showback.domain.spillover import refused_to_callers

COUNTS = st.lists(st.integers(0, 50), min_size=3, max_size=3)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def test_what_the_other_deployment_served_was_refused_to_nobody():
    [met] = refused_to_callers([ints(5, 5, 5, 0)], ints(5, 2, 9, 4))
    assert met.tolist() == [0, 3, 0, 0]


def test_a_gap_stays_a_gap_and_one_of_the_target_tells_of_nothing_served():
    [met] = refused_to_callers([ints(MISSING, 5)], ints(3, MISSING))
    assert met.tolist() == [MISSING, 5]


def test_several_that_spill_onto_one_divide_what_it_served_by_what_each_refused():
    first, second = refused_to_callers([ints(30, MISSING), ints(10, 4)], ints(20, 4))
    assert (first.tolist(), second.tolist()) == ([15, MISSING], [5, 0])


@given(st.lists(COUNTS, min_size=1, max_size=4), COUNTS)
def test_served_and_met_sum_to_what_was_refused_and_nothing_goes_below_nought(refused, spilled):
    rows = [ints(*row) for row in refused]
    met = np.stack(refused_to_callers(rows, ints(*spilled)))
    assert (met >= 0).all()
    assert (met <= np.stack(rows)).all()
    left = np.maximum(np.stack(rows).sum(axis=0) - ints(*spilled), 0)
    assert met.sum(axis=0).tolist() == left.tolist()
