"""What comes next of a change, as one word for programs; its sentence says the same to people."""

from datetime import datetime
from enum import StrEnum

from portal.kernel.errors import CloudReason
from quotas.domain.plan import DRIFT, is_unwritable
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change
from quotas.selectors.changes import TO_BE_SENT, applies, is_killed, is_snoozed


class NextStep(StrEnum):
    """The first six ask nobody for anything: time, or Headroom, goes on."""

    NONE = "none"  # it is over
    WRITE = "write"  # by the next run
    WAIT_FOR_AZURE = "wait_for_azure"
    TRY_AGAIN = "try_again"  # at `not_before`
    WAIT_FOR_FREEZE = "wait_for_freeze"
    WAIT_FOR_SNOOZE = "wait_for_snooze"
    TURN_KILL_SWITCH_OFF = "turn_kill_switch_off"
    TURN_APPLYING_ON = "turn_applying_on"
    ALLOW_PLAN = "allow_plan"
    ANSWER_EDIT = "answer_edit"
    AGREE_TO_RELEASE = "agree_to_release"
    CHANGE_LEDGER = "change_ledger"
    REQUEST_QUOTA = "request_quota"
    CHOOSE_ANOTHER_PLACE = "choose_another_place"
    GRANT_ROLE = "grant_role"
    CHECK_DEPLOYMENT = "check_deployment"


OF_REFUSAL = {
    CloudReason.INSUFFICIENT_QUOTA: NextStep.REQUEST_QUOTA,
    CloudReason.CAPACITY_NOT_AVAILABLE: NextStep.CHOOSE_ANOTHER_PLACE,
    CloudReason.FORBIDDEN: NextStep.GRANT_ROLE,
    CloudReason.NOT_FOUND: NextStep.CHECK_DEPLOYMENT,
    CloudReason.BAD_REQUEST: NextStep.CHECK_DEPLOYMENT,
}


def next_step(change: Change, *, at: datetime) -> NextStep:
    """Needs what `changes_visible_to` reads with its rows."""
    if change.state not in OPEN_CHANGE_STATES:
        return NextStep.NONE
    if change.state == ChangeState.NEEDS_HUMAN:
        return _asked(change, at=at)
    if change.state not in TO_BE_SENT:
        return NextStep.WAIT_FOR_AZURE
    return _held(change) or _sent(change)


def _asked(change: Change, *, at: datetime) -> NextStep:
    if is_unwritable(change.sentence):
        return NextStep.CHANGE_LEDGER
    if is_snoozed(change, at=at):
        return NextStep.WAIT_FOR_SNOOZE
    return NextStep.ANSWER_EDIT if change.sentence == DRIFT else NextStep.AGREE_TO_RELEASE


def _held(change: Change) -> NextStep | None:
    if change.is_stopped:
        return NextStep.ALLOW_PLAN
    if change.held_by_id:
        return NextStep.WAIT_FOR_FREEZE
    if not applies(change):
        return NextStep.TURN_APPLYING_ON
    return NextStep.TURN_KILL_SWITCH_OFF if is_killed(change) else None


def _sent(change: Change) -> NextStep:
    if change.state == ChangeState.PLANNED:
        return NextStep.WRITE
    if not change.error_reason:
        return NextStep.TRY_AGAIN
    return OF_REFUSAL.get(CloudReason(change.error_reason), NextStep.TRY_AGAIN)
