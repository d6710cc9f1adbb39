"""The planner, as tables and properties."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from portal.kernel.units import UnitStep
from quotas.domain.plan import (
    DRIFT,
    NOTHING_HELD,
    RELEASE,
    PlannedChange,
    Standing,
    is_unwritable,
    own_end,
    plan_pool,
    planned,
)
from quotas.domain.states import (
    REQUEST_TRANSITIONS,
    TERMINAL_REQUEST_STATES,
    RequestEvent,
    TransitionNotAllowed,
    next_request_state,
)

standings = st.builds(
    Standing,
    deployment_id=st.integers(1, 10_000),
    wanted_units=st.integers(0, 50),
    actual_units=st.integers(1, 50),
    settled_units=st.integers(1, 50),
    is_provisioned=st.booleans(),
    agreed_units=st.integers(0, 50),
)


@given(st.lists(standings, max_size=12, unique_by=lambda s: s.deployment_id))
def test_i12_shrinks_precede_grows(found: list[Standing]) -> None:
    deltas = [change.delta for change in plan_pool(found).changes]
    assert deltas == sorted(deltas)


@given(st.lists(standings, max_size=12, unique_by=lambda s: s.deployment_id))
def test_a_plan_names_every_difference_once_and_nothing_else(found: list[Standing]) -> None:
    differing = [s for s in found if s.wanted_units != s.actual_units]
    changes = plan_pool(found).changes
    assert sorted(c.deployment_id for c in changes) == sorted(s.deployment_id for s in differing)
    whole = {s.deployment_id: s.wanted_units for s in differing if own_end(s) is None}
    assert whole.items() <= {c.deployment_id: c.to_units for c in changes}.items()


@given(standings, st.integers(0, 50))
def test_the_end_of_a_burst_is_written_at_once_whatever_else_waits_for_a_yes(
    found: Standing, ended: int
) -> None:
    """And of what nobody agreed to nothing is released without a yes."""
    found = replace(
        found, is_provisioned=True, settled_units=found.actual_units, agreed_units=ended
    )
    assume(found.wanted_units > 0 or ended < found.actual_units)  # a nought is never written
    left = found.actual_units
    [change] = plan_pool([found]).changes or [planned(found)]
    if not change.needs_yes:
        left = change.to_units
        assert found.actual_units - left <= ended or left >= found.actual_units
    assert left <= max(found.wanted_units, found.actual_units - ended)


def test_what_is_left_after_the_end_of_a_burst_waits_for_its_own_yes() -> None:
    """150, of which a burst of 50 ended; the baseline of 100 is to be 70."""
    both = Standing(1, 70, 150, 150, is_provisioned=True, agreed_units=50)
    assert planned(both) == PlannedChange(1, 150, 100, settled_units=150)
    rest = Standing(1, 70, 100, 100, is_provisioned=True)
    assert planned(rest) == PlannedChange(1, 100, 70, RELEASE, settled_units=100)


@pytest.mark.parametrize(
    ("more", "to_units", "asks"),
    [
        ({"wanted_units": 0}, 100, ""),  # nothing is held any more, which no yes writes
        ({"wanted_units": 73, "step": UnitStep(15, 5)}, 100, ""),  # nor this
        ({"wanted_units": 70, "writable_units": 120}, 120, ""),  # as far as the freeze lets it
        ({"wanted_units": 70, "writable_units": 150}, 70, RELEASE),  # it lets nothing move
        ({"wanted_units": 70, "settled_units": 140}, 70, DRIFT),  # edited outside
        ({"wanted_units": 70, "agreed_units": 47, "step": UnitStep(15, 5)}, 70, RELEASE),
        ({"wanted_units": 100, "agreed_units": 50}, 100, ""),  # all of it is the burst's own end
    ],
)
def test_how_far_the_end_of_a_burst_goes_by_itself(
    more: dict[str, Any], to_units: int, asks: str
) -> None:
    both = Standing(1, 70, 150, 150, is_provisioned=True, agreed_units=50)
    change = planned(replace(both, **more))
    assert (change.to_units, change.needs_yes) == (to_units, asks)


def test_what_somebody_changed_outside_waits_for_a_yes() -> None:
    plan = plan_pool([Standing(1, wanted_units=100, actual_units=130, settled_units=100)])
    assert plan.changes[0].needs_yes == DRIFT


def test_a_provisioned_decrease_waits_unless_its_burst_carried_the_yes() -> None:
    ending = Standing(1, 50, 100, 100, is_provisioned=True)
    assert plan_pool([ending]).changes[0].needs_yes == RELEASE
    assert plan_pool([replace(ending, agreed_units=50)]).changes[0].needs_yes == ""


@pytest.mark.parametrize(
    ("wanted", "actual", "asks"),
    [
        (115, 100, ""),  # three steps above the minimum
        (103, 100, "comes in 15 and from there in steps of 5"),
        (10, 100, "brings it to 15."),
        (108, 103, ""),  # Azure took an odd amount before, and whole steps from there go on
        (105, 103, ""),
    ],
)
def test_a_provisioned_amount_that_the_model_does_not_have_is_not_written(
    wanted: int, actual: int, asks: str
) -> None:
    standing = Standing(
        1, wanted, actual, actual, is_provisioned=True, agreed_units=100, step=UnitStep(15, 5)
    )
    why = plan_pool([standing]).changes[0].needs_yes
    assert bool(why) == bool(asks) == is_unwritable(why)
    assert asks in why


def test_an_amount_that_cannot_be_names_the_two_next_to_it() -> None:
    standing = Standing(1, 103, 100, 100, is_provisioned=True, step=UnitStep(15, 5))
    assert "brings it to 100 or 105." in plan_pool([standing]).changes[0].needs_yes


@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 500))
def test_the_nearest_amounts_are_amounts_and_none_lies_between(
    minimum: int, step: int, units: int
) -> None:
    model = UnitStep(minimum, step)
    nearest = model.nearest(units)
    assert all((each - minimum) % step == 0 and each >= minimum for each in nearest)
    assert nearest == (units,) or units < minimum or nearest[0] < units < nearest[1]
    assert nearest[-1] - nearest[0] <= step


def test_headroom_never_writes_a_nought() -> None:
    assert plan_pool([Standing(1, 0, 100, 100)]).changes[0].needs_yes == NOTHING_HELD


def test_an_oversized_plan_stops_and_asks() -> None:
    many = [Standing(n, 10, 20, 10) for n in range(6)]
    assert "6 of 6" in plan_pool(many).stopped_because
    assert plan_pool(many[:5]).stopped_because == ""


def test_the_share_of_a_large_pool_is_not_rounded_up() -> None:
    def found(drifted: int, all_of_them: int) -> str:
        edited = [Standing(n, 10, 20, 10) for n in range(drifted)]
        calm = [Standing(n, 10, 10, 10) for n in range(drifted, all_of_them)]
        return plan_pool([*edited, *calm]).stopped_because

    assert found(6, 20) == ""
    assert "7 of 21" in found(7, 21)


def test_i09_terminal_states_allow_nothing() -> None:
    for state in TERMINAL_REQUEST_STATES:
        for event in RequestEvent:
            assert (state, event) not in REQUEST_TRANSITIONS
            with pytest.raises(TransitionNotAllowed):
                next_request_state(state, event)
