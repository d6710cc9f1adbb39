"""What ends by time alone: requests that nobody answered, questions, offers and drafts."""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.outbox import Event
from quotas.domain.states import RequestEvent, RequestState
from quotas.models import CapacityRequest
from quotas.selectors.urgency import waiting_of, with_waiting
from quotas.services.reversing import release_holds
from quotas.services.telling import tell_approvers, tell_askers
from quotas.services.transitions import move


def time_out_overdue(*, at: datetime) -> int:
    """Ends every open request, drafts too, whose deadline has passed. Returns how many. What an
    offer held is free again.
    """
    rows = CapacityRequest.objects.overdue(at).select_related("deployment__pool", "service")
    return sum(_time_out(request, at=at) for request in rows)


@transaction.atomic
def _time_out(request: CapacityRequest, *, at: datetime) -> bool:
    was_draft = request.state == RequestState.DRAFT
    try:
        move(request, RequestEvent.TIME_OUT, decided_at=at)
    except ChangedMeanwhile:
        return False  # answered this very moment
    release_holds(request, reason="Nobody answered the offer.", by_id=None, at=at)
    verb = "draft.timed_out" if was_draft else f"{request.kind}.timed_out"
    audit.record(verb, f"request/{request.pk}", actor_id=None, at=at)
    if not was_draft:
        tell_askers(Event.REQUEST_TIMED_OUT, request, by=None, at=at)
    return True


def tell_late(*, at: datetime) -> int:
    """Alarms the approvers of requests whose start has passed unanswered, once each. Returns how
    many there are; such a request is at the top of the inbox. What was asked from now on has no
    start to miss: its approvers are reminded in the hours of its pool (`reminders`).
    """
    due = CapacityRequest.objects.filter(state=RequestState.IN_REVIEW, starts_at__lte=at)
    rows = with_waiting(due.select_related("deployment__pool", "service"))
    found = [row for row in rows if waiting_of(row).passed_its_start(at)]
    for request in found:
        tell_approvers(Event.REQUEST_LATE, request, by=None, at=at, waiting_only=True)
    return len(found)
