"""The planner, as tables and properties."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotas.domain.plan import DRIFT, NOTHING_HELD, RELEASE, Standing, plan_pool
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
    release_is_agreed=st.booleans(),
)


@given(st.lists(standings, max_size=12, unique_by=lambda s: s.deployment_id))
def test_i12_shrinks_precede_grows(found: list[Standing]) -> None:
    deltas = [change.delta for change in plan_pool(found).changes]
    assert deltas == sorted(deltas)


@given(st.lists(standings, max_size=12, unique_by=lambda s: s.deployment_id))
def test_a_plan_names_every_difference_once_and_nothing_else(found: list[Standing]) -> None:
    planned = {c.deployment_id: c.to_units for c in plan_pool(found).changes}
    assert planned == {
        s.deployment_id: s.wanted_units for s in found if s.wanted_units != s.actual_units
    }


def test_what_somebody_changed_outside_waits_for_a_yes() -> None:
    plan = plan_pool([Standing(1, wanted_units=100, actual_units=130, settled_units=100)])
    assert plan.changes[0].needs_yes == DRIFT


def test_a_provisioned_decrease_waits_unless_its_burst_carried_the_yes() -> None:
    ending = Standing(1, 50, 100, 100, is_provisioned=True)
    assert plan_pool([ending]).changes[0].needs_yes == RELEASE
    assert plan_pool([replace(ending, release_is_agreed=True)]).changes[0].needs_yes == ""


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
