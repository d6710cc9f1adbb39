"""The states of a request: every move of the table, every move that is not, and that time ends all.

The tests run over the table itself, so a state or an event that is added is tested too.
"""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER
from quotas.domain.stages import (
    ALL_OF,
    ANY_OF,
    PEOPLE,
    POOL_OWNERS,
    Stage,
    is_complete,
    stage_from_json,
)
from quotas.domain.states import (
    LAST_CALL,
    LONGEST_OPEN,
    OPEN_REQUEST_STATES,
    REQUEST_TRANSITIONS,
    TERMINAL_REQUEST_STATES,
    RequestEvent,
    RequestState,
    TransitionNotAllowed,
    deadline,
    next_request_state,
)
from quotas.tests.factories import NOON

LEGAL = sorted(REQUEST_TRANSITIONS)
ILLEGAL = [
    (state, event)
    for state in RequestState
    for event in RequestEvent
    if (state, event) not in REQUEST_TRANSITIONS
]
# As the domain's rules write it, apart from the code.
MAY_BECOME = {
    "draft": {"draft", "submitted", "timed_out"},
    "submitted": {"in_review", "approved", "denied", "withdrawn", "timed_out"},
    "in_review": {"in_review", "needs_info", "counter_offered", "approved", "denied", "withdrawn",
                  "timed_out"},
    "needs_info": {"in_review", "withdrawn", "timed_out"},
    "counter_offered": {"in_review", "approved", "withdrawn", "timed_out"},
}  # fmt: skip


@pytest.mark.parametrize(("state", "event"), LEGAL)
def test_every_move_of_the_table_leads_where_the_rules_say(
    state: RequestState, event: RequestEvent
) -> None:
    assert next_request_state(state, event) in MAY_BECOME[state]


def test_every_move_of_the_rules_is_in_the_table() -> None:
    found: dict[str, set[str]] = {}
    for (state, _), new in REQUEST_TRANSITIONS.items():
        found.setdefault(state, set()).add(new)
    assert found == MAY_BECOME


@pytest.mark.parametrize(("state", "event"), ILLEGAL)
def test_every_other_move_is_refused_with_a_sentence(
    state: RequestState, event: RequestEvent
) -> None:
    with pytest.raises(TransitionNotAllowed, match="Nothing was saved"):
        next_request_state(state, event)


@pytest.mark.parametrize("state", sorted(OPEN_REQUEST_STATES))
def test_i08_every_open_state_ends_by_time_alone(state: RequestState) -> None:
    ended = REQUEST_TRANSITIONS[state, RequestEvent.TIME_OUT]
    assert ended in TERMINAL_REQUEST_STATES
    assert deadline(state, since=NOON, ends_at=FOREVER, stage_hours=48) <= NOON + timedelta(days=30)


def test_i08_the_limits_name_every_open_state_and_no_other() -> None:
    assert set(LONGEST_OPEN) == OPEN_REQUEST_STATES


def test_a_draft_is_kept_for_30_days_whatever_its_window() -> None:
    soon = NOON + timedelta(hours=1)
    assert deadline(RequestState.DRAFT, since=NOON, ends_at=soon) == NOON + timedelta(days=30)


@given(
    st.sampled_from(sorted(OPEN_REQUEST_STATES - {RequestState.DRAFT})),
    st.integers(1, 60 * 24 * 400),
    st.integers(1, 24 * 60),
)
def test_i08_an_answer_is_due_a_last_call_before_the_end_and_never_after_it(
    state: RequestState, minutes: int, hours: int
) -> None:
    ends_at = NOON + timedelta(minutes=minutes)
    due = deadline(state, since=NOON, ends_at=ends_at, stage_hours=hours)
    assert NOON < due <= ends_at
    if minutes >= 30:
        assert due <= ends_at - LAST_CALL


OWNERS = Stage("Owners", ANY_OF, POOL_OWNERS, 48)
BOTH = Stage("Both", ALL_OF, PEOPLE, 48, people=(1, 2))


@pytest.mark.parametrize("stage", [OWNERS, BOTH])
def test_a_stage_reads_as_it_was_stored(stage: Stage) -> None:
    assert stage_from_json(stage.as_json()) == stage


def test_a_stage_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(DomainError, match="cannot be read"):
        stage_from_json({"name": "Owners", "mode": "any_of"})


@pytest.mark.parametrize(
    ("stage", "yes", "complete"),
    [
        (OWNERS, set(), False),
        (OWNERS, {2}, True),
        (OWNERS, {9}, False),
        (BOTH, {1}, False),
        (BOTH, {1, 9}, False),
        (BOTH, {1, 2}, True),
    ],
)
def test_a_stage_is_complete_when_enough_of_its_own_said_yes(
    stage: Stage, yes: set[int], complete: bool
) -> None:
    asked = frozenset({1, 2})
    assert is_complete(stage, asked=asked, said_yes=frozenset(yes)) is complete


@pytest.mark.parametrize("stage", [OWNERS, BOTH])
def test_a_stage_that_nobody_can_answer_is_never_complete(stage: Stage) -> None:
    assert not is_complete(stage, asked=frozenset(), said_yes=frozenset({1}))
