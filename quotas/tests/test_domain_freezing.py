"""What a freeze lets be written: nothing grows, ends go through, baselines stay."""

from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.windows import Window
from quotas.domain.freezing import frozen_since, writable_before_freeze, writable_in_freeze
from quotas.domain.plan import DRIFT, Standing, plan_pool
from quotas.tests.factories import utc

units = st.integers(0, 500)


def hours(start: int, end: int) -> Window:
    return Window(utc(f"2026-03-03 {start:02}:00"), utc(f"2026-03-03 {end:02}:00"))


def at(hour: int):
    return utc(f"2026-03-03 {hour:02}:00")


def test_a_freeze_holds_its_first_minute_and_not_its_end() -> None:
    assert frozen_since([hours(10, 12)], at(10)) == at(10)
    assert frozen_since([hours(10, 12)], at(12)) is None
    assert frozen_since([hours(10, 12)], at(9)) is None


def test_freezes_that_meet_or_overlap_are_one() -> None:
    row = [hours(13, 15), hours(8, 10), hours(10, 14)]
    assert frozen_since(row, at(14)) == at(8)
    assert frozen_since([hours(8, 10), hours(11, 14)], at(12)) == at(11)


@given(wanted=units, actual=units, given_up=st.integers(-50, 50))
def test_nothing_grows_in_a_freeze_and_no_decrease_goes_too_far(
    wanted: int, actual: int, given_up: int
) -> None:
    writable = writable_in_freeze(wanted, actual, given_up)
    assert writable <= actual
    assert writable >= min(wanted, actual)


def test_the_end_of_a_burst_goes_through_and_the_baselines_decrease_stays() -> None:
    assert writable_in_freeze(wanted=100, actual=140, given_up=0) == 100
    assert writable_in_freeze(wanted=50, actual=140, given_up=50) == 100
    assert writable_in_freeze(wanted=50, actual=100, given_up=50) == 100


def test_before_a_freeze_only_what_starts_inside_it_waits() -> None:
    assert writable_before_freeze(wanted=160, actual=100, starting_inside=40) == 120
    assert writable_before_freeze(wanted=140, actual=100, starting_inside=40) == 100
    assert writable_before_freeze(wanted=60, actual=100, starting_inside=40) == 60


def test_the_plan_names_what_is_held_and_writes_what_is_not() -> None:
    held = Standing(1, wanted_units=140, actual_units=100, settled_units=100, writable_units=100)
    part = Standing(2, wanted_units=50, actual_units=140, settled_units=140, writable_units=100)
    found = {c.deployment_id: c for c in plan_pool([held, part]).changes}
    assert (found[1].to_units, found[1].is_held) == (140, True)
    assert (found[2].to_units, found[2].is_held) == (100, False)


def test_what_was_edited_outside_is_neither_a_start_nor_an_end() -> None:
    edited = Standing(1, wanted_units=100, actual_units=70, settled_units=100, writable_units=70)
    [change] = plan_pool([edited]).changes
    assert (change.to_units, change.is_held, change.needs_yes) == (100, False, DRIFT)
