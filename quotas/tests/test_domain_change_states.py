"""The states of a change: every move that the rules allow, and every one that they do not.

The rules are written here apart from the code; states that are added are tested too.
"""

import pytest

from quotas.domain.states import (
    OPEN_CHANGE_STATES,
    ChangeState,
    TransitionNotAllowed,
    check_change_move,
)

ALWAYS = {"retry_wait", "blocked", "needs_human", "superseded"}
MAY_BECOME = {
    "planned": {"writing", "verifying", *ALWAYS},
    "writing": {"polling", "verifying", *ALWAYS},
    "polling": {"polling", "verifying", *ALWAYS},
    "verifying": {"succeeded", *ALWAYS},
    "retry_wait": {"writing", "verifying", *ALWAYS},
    "blocked": {"writing", "verifying", *ALWAYS},
    "needs_human": ALWAYS,
    "succeeded": set(),
    "superseded": set(),
}
MOVES = [(old, new) for old in ChangeState for new in ChangeState]
LEGAL = [(old, new) for old, new in MOVES if new in MAY_BECOME[old]]
ILLEGAL = [move for move in MOVES if move not in LEGAL]


@pytest.mark.parametrize(("old", "new"), LEGAL)
def test_a_change_may_make_every_move_of_the_rules(old: ChangeState, new: ChangeState) -> None:
    check_change_move(old, new)


@pytest.mark.parametrize(("old", "new"), ILLEGAL)
def test_i09_every_other_move_of_a_change_is_refused(old: ChangeState, new: ChangeState) -> None:
    with pytest.raises(TransitionNotAllowed, match=f"{old} cannot become {new}"):
        check_change_move(old, new)


def test_the_rules_name_every_state_and_those_that_end_are_left_by_no_move() -> None:
    assert set(MAY_BECOME) == set(ChangeState)
    assert {state for state in ChangeState if MAY_BECOME[state]} == OPEN_CHANGE_STATES


@pytest.mark.parametrize("state", sorted(OPEN_CHANGE_STATES))
def test_every_open_state_leads_to_an_end(state: ChangeState) -> None:
    seen, left = set(), {str(state)}
    while left:
        seen |= left
        left = {new for old in left for new in MAY_BECOME[old]} - seen
    assert {"succeeded", "superseded"} <= seen
