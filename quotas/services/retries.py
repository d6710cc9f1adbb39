"""What Azure refused, and when it is tried again: kept on the change, never given up."""

from datetime import datetime, timedelta

from django.db import transaction

from portal import audit
from portal.kernel.errors import CloudError, CloudReason
from quotas.domain.states import ChangeState
from quotas.models import Change
from quotas.services.change_news import tell_of_refusal
from quotas.services.reconcile import move_change

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=15)
# Azure may take this long until a read shows a new capacity.
PROPAGATION = timedelta(minutes=15)
# A poll waits for a quarter of the operation's age, or for as long as Azure asks; else no longer.
LONGEST_POLL = timedelta(seconds=30)
# An operation that runs for longer keeps its account no more: Azure is read back instead.
LONGEST_OPERATION = timedelta(hours=1)
# What waiting alone will not mend, so it is looked at less often; end edges are retried for ever.
BLOCKING = {
    CloudReason.INSUFFICIENT_QUOTA,
    CloudReason.CAPACITY_NOT_AVAILABLE,
    CloudReason.FORBIDDEN,
    CloudReason.NOT_FOUND,
    CloudReason.BAD_REQUEST,
}


@transaction.atomic
def note_refusal(change: Change, error: CloudError, *, at: datetime) -> None:
    """Keeps what Azure answered, and when to try again.

    Every change stays open until it is settled.
    """
    said = {
        "error_reason": error.reason,
        "azure_code": error.azure_code[:80],
        "azure_message": error.azure_message,
        "sentence": error.sentence,
    }
    if error.maybe_applied and change.state in {ChangeState.WRITING, ChangeState.POLLING}:
        # No answer came: a write is read back before anything else, an operation is asked again,
        # until it is old enough for a read-back to say more than Azure's memory of it.
        state = ChangeState(change.state)
        if change.written_at and at - change.written_at >= PROPAGATION:
            state = ChangeState.VERIFYING
        Change.objects.filter(pk=change.pk, state=change.state).update(
            state=state, not_before=at + FIRST_WAIT, **said
        )
        return
    state = ChangeState.BLOCKED if error.reason in BLOCKING else ChangeState.RETRY_WAIT
    length = max(error.retry_after or timedelta(0), wait_after(change.attempts))
    first_time = change.error_reason != error.reason
    moved = move_change(change, state, not_before=at + length, operation="", **said)
    if moved and first_time:
        audit.record(
            "change.refused",
            f"change/{change.pk}",
            actor_id=None,
            at=at,
            reason=error.reason,
            azure_code=error.azure_code,
        )
        tell_of_refusal(change, at=at)


def wait(change: Change, length: timedelta, *, at: datetime, sentence: str) -> None:
    move_change(change, ChangeState.RETRY_WAIT, not_before=at + length, sentence=sentence)


def wait_after(attempts: int) -> timedelta:
    """15 s, doubled with each attempt, 15 minutes at most."""
    doublings: int = min(attempts, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)
