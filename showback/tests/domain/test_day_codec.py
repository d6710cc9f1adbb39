"""Days of minutes as bytes: exact both ways, gaps kept, small where there is little to say."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from showback.domain.day_codec import (
    MINUTES,
    bits_of,
    hours_of,
    pack,
    put_into,
)
from showback.domain.measures import MISSING


def a_day(*values: int, seed: int = 0):
    return np.random.default_rng(seed).choice(np.array(values, dtype=np.int64), MINUTES)


def unpack(packed: bytes | None):
    minutes = np.zeros(MINUTES, dtype=np.int64)
    put_into(minutes, 0, packed)
    return minutes - 1


@given(
    top=st.sampled_from([0, 1, 253, 254, 255, 65_533, 65_534, 65_535, 2**31 - 2, 2**31 - 1]),
    quiet=st.integers(1, 1440),
    seed=st.integers(0, 1000),
)
def test_a_day_comes_back_exactly_with_its_gaps(top, quiet, seed):
    draw = np.random.default_rng(seed)
    day = draw.integers(MISSING, top, MINUTES, endpoint=True)
    day[draw.integers(0, MINUTES, quiet)] = draw.choice([MISSING, 0, top])
    assert (unpack(pack(day)) == day).all()


def test_a_day_of_which_nothing_came_is_none_and_a_day_of_noughts_is_not():
    assert pack(np.full(MINUTES, MISSING, dtype=np.int64)) is None
    assert (unpack(None) == MISSING).all()
    assert (unpack(pack(np.zeros(MINUTES, dtype=np.int64))) == 0).all()


def test_a_quiet_day_takes_some_bytes_and_no_day_more_than_its_own():
    assert len(pack(np.zeros(MINUTES, dtype=np.int64))) < 40
    noise = np.random.default_rng(3).integers(0, 60_000, MINUTES)
    assert len(pack(noise)) == 1 + 2 * MINUTES


@given(st.integers(-1600, 1600), st.integers(0, 1600))
def test_a_day_lands_where_it_belongs_and_nowhere_else(offset, length):
    day, target = a_day(5, 7), np.zeros(length, dtype=np.int64)
    put_into(target, offset, pack(day))
    for slot, value in enumerate((target - 1).tolist()):
        inside = 0 <= slot - offset < MINUTES
        assert value == (day[slot - offset] if inside else MISSING)


@pytest.mark.parametrize("bad", [-2, 2**31])
def test_what_is_no_count_is_refused(bad):
    with pytest.raises(OverflowError, match="make no day block"):
        pack(a_day(0, bad))


def test_bytes_of_something_else_are_refused():
    with pytest.raises(ValueError, match="no day of minutes"):
        unpack(b"\x02" + b"\x00" * 7)


@given(st.sets(st.integers(0, 23)))
def test_hours_are_bits(hours):
    assert hours_of(bits_of(sorted(hours))) == sorted(hours)
