"""Reminding approvers, and asking the fallback approvers: in the business hours of the pool.
Where every owner is gone (deactivated, or not seen for long) the fallback is asked at once.

Both count from the last time the request moved: sent, or answered by anybody. So a stage that opens
and a question that comes back have their whole time again. Each is told once; whoever said yes
already, where each has to, is not told again.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from portal import audit
from portal.outbox import Event
from quotas.domain.business_hours import business_time
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest
from quotas.selectors.review_hours import Reviews, reviews_by_pool, usual
from quotas.selectors.urgency import waiting_of, with_waiting
from quotas.services.approvers import nobody_there
from quotas.services.telling import tell_approvers, tell_people


def remind_waiting(*, at: datetime) -> int:
    """Reminds and escalates what is due. Returns how many were told of."""
    own, others = reviews_by_pool(), usual()
    return sum(
        _remind(request, own.get(request.deployment.pool_id or 0, others), at=at)
        for request in _waiting()
    )


def _waiting() -> QuerySet[CapacityRequest]:
    rows = CapacityRequest.objects.filter(
        state=RequestState.IN_REVIEW, deployment__pool__isnull=False
    )
    return with_waiting(rows.select_related("deployment__pool", "service"))


def _remind(request: CapacityRequest, reviews: Reviews, *, at: datetime) -> int:
    since = waiting_of(request).moved_at
    waited = business_time(reviews.hours, since, at)
    due = waited >= timedelta(hours=reviews.escalate_after_hours)
    comes_now = request.escalated_at is None and (due or nobody_there(request, at=at))
    if comes_now and _escalate(request, at=at):
        return 1
    reminded = request.reminded_at is not None and request.reminded_at >= since
    if waited >= timedelta(hours=reviews.remind_after_hours) and not reminded:
        return _tell_again(request, since, at=at)
    return 0


@transaction.atomic
def _tell_again(request: CapacityRequest, since: datetime, *, at: datetime) -> int:
    if not _mark(request, reminded_at=at):
        return 0
    tell_approvers(
        Event.REQUEST_REMINDER,
        request,
        by=None,
        at=at,
        occurrence=since.isoformat(),
        waiting_only=True,
    )
    return 1


@transaction.atomic
def _escalate(request: CapacityRequest, *, at: datetime) -> bool:
    """From now on the fallback approvers may decide, too: where there are any, and the stage is of
    any owner of the pool.
    """
    stage, pool = request.open_stage, request.deployment.pool
    if pool is None or stage is None or not stage.falls_back:
        return False
    rows = pool.fallback_approvers.present_at(at).values_list("pk", flat=True)
    people = set(rows) - request.askers
    if not people or not _mark(request, escalated_at=at, reminded_at=at):
        return False
    audit.record(f"{request.kind}.escalated", f"request/{request.pk}", actor_id=None, at=at)
    tell_people(
        Event.REQUEST_ESCALATED, request, people, at=at, occurrence=f"stage {request.stage}"
    )
    return True


def _mark(request: CapacityRequest, **fields: datetime) -> bool:
    """By compare-and-swap: False where it was answered, or told of, this very moment."""
    rows = CapacityRequest.objects.filter(
        pk=request.pk,
        state=request.state,
        stage=request.stage,
        reminded_at=request.reminded_at,
        escalated_at=request.escalated_at,
    )
    return bool(rows.update(**fields))
