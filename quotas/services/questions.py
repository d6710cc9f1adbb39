"""A question on a request: it waits for the answer, and comes back to the stage that asked."""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.models import User
from portal.outbox import Event
from quotas.domain.states import RequestEvent, RequestState, deadline
from quotas.models import CapacityRequest, Decision
from quotas.services import progress
from quotas.services.answering import begin_denial, lock_request, record, record_own
from quotas.services.checks import check_asker
from quotas.services.refusals import refuse
from quotas.services.telling import tell_approvers, tell_askers
from quotas.services.transitions import move

Outcome = Decision.Outcome


@transaction.atomic
def ask(request: CapacityRequest, *, by: User, note: str, at: datetime) -> CapacityRequest:
    """By whoever may decide the open stage. Raises DomainError as deciding does, or without a
    question; an answer is due in a week, and before the window ends.
    """
    if not note.strip():
        raise refuse("question_missing", "Write the question; the requester reads it.")
    answer = begin_denial(request, by=by, at=at)
    asked = record(answer, Outcome.ASKED, note=note)
    due = deadline(RequestState.NEEDS_INFO, since=at, ends_at=request.window.end)
    move(request, RequestEvent.ASK, deadline_at=due)
    audit.record(f"{request.kind}.asked_about", f"request/{request.pk}", actor_id=by.pk, at=at)
    tell_askers(Event.REQUEST_ASKED, request, by=by, at=at, note=note, occurrence=asked.pk)
    return request


@transaction.atomic
def answer(request: CapacityRequest, *, by: User, note: str, at: datetime) -> CapacityRequest:
    """By whoever asked for the capacity. The stage has its whole time again."""
    check_asker(request, by)
    if not note.strip():
        raise refuse("answer_missing", "Write the answer; the approver reads it.")
    lock_request(request)
    said = record_own(request, Outcome.ANSWERED, by=by, note=note, at=at)
    progress.open_stage(request, request.stage, event=RequestEvent.ANSWER, at=at)
    audit.record(f"{request.kind}.answered", f"request/{request.pk}", actor_id=by.pk, at=at)
    tell_approvers(Event.REQUEST_ANSWERED, request, by=by, at=at, answer=note, occurrence=said.pk)
    return request
