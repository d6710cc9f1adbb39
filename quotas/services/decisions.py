"""Deciding on a request. Final approval is one transaction: lock, re-check every instant, write.

Nobody approves their own request: not who asked, not on whose behalf. One person, one stage.
"""

from datetime import datetime, timedelta

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window, floor_to_minute
from portal.models import User
from quotas.domain.availability import fit
from quotas.domain.policy_facts import RequestFacts
from quotas.domain.states import RequestEvent, RequestState
from quotas.models import CapacityRequest, Decision, Evidence, LedgerEntry, Pool
from quotas.selectors.rooms import pool_entries, room_of
from quotas.services import evidence as evidence_service
from quotas.services import policy
from quotas.services.pools import lock_pool_of
from quotas.services.refusals import does_not_fit, refuse
from quotas.services.transitions import move


@transaction.atomic
def approve(request: CapacityRequest, *, by: User, note: str, at: datetime) -> CapacityRequest:
    """Grants all that was asked; a late approval clips the start to now.

    Raises DomainError: own request, not an owner of the pool, too late, or no longer fits (with the
    largest amount and longest window that would). Then nothing is written.
    """
    _check_may_decide(request, by)
    if request.deployment.gone_at:
        raise refuse(
            "deployment_gone",
            f"The deployment {request.deployment} is no longer in Azure, so nothing can be granted "
            "on it. Deny the request, or create the deployment again. Nothing was written.",
        )
    pool = lock_pool_of(request.deployment)
    _lock_request(request)
    judged = evidence_service.gather(evidence_service.asked_of(request), at=at)
    seen = evidence_service.store(request, judged, at=at)
    number, _ = policy.current(at=at)
    decision = _decide(
        request, seen, number, judged.facts, outcome="approved", by=by, note=note, at=at
    )
    return _grant(request, decision, pool, by_id=by.pk, at=at)


@transaction.atomic
def deny(request: CapacityRequest, *, by: User, note: str, at: datetime) -> CapacityRequest:
    """Refuses, with a reason that the requester reads."""
    if not note.strip():
        raise refuse("reason_missing", "Say why; the requester reads it.")
    _check_may_decide(request, by)
    _lock_request(request)
    seen = request.evidence.first()
    if seen is None:
        raise ChangedMeanwhile(f"Request #{request.pk}")
    number, _ = policy.current(at=at)
    facts = evidence_service.gather(evidence_service.asked_of(request), at=at).facts
    _decide(request, seen, number, facts, outcome="denied", by=by, note=note, at=at)
    move(request, RequestEvent.DENY, decided_at=at)
    audit.record("burst.denied", f"request/{request.pk}", actor_id=by.pk, at=at)
    return request


def approve_by_policy(
    request: CapacityRequest, seen: Evidence, number: int, facts: RequestFacts, *, at: datetime
) -> CapacityRequest:
    """The policy's own yes, inside the transaction of the submit, which holds the pool's lock."""
    decision = _decide(request, seen, number, facts, outcome="approved", by=None, note="", at=at)
    return _grant(request, decision, lock_pool_of(request.deployment), by_id=None, at=at)


def _check_may_decide(request: CapacityRequest, by: User) -> None:
    if by.pk in {request.requester_id, request.on_behalf_of_id}:
        raise refuse(
            "self_approval",
            "Nobody decides on their own request. Another owner of the pool has to do it.",
        )
    if not Pool.objects.operated_by(by).filter(pk=request.deployment.pool_id).exists():
        raise refuse("not_an_approver", "Only an owner of this pool may decide on the request.")
    if request.state not in {RequestState.SUBMITTED, RequestState.IN_REVIEW}:
        raise refuse(
            "already_ended",
            f"This request is {RequestState(request.state).label.lower()} already; "
            "nothing was changed.",
        )


def _lock_request(request: CapacityRequest) -> None:
    """Two people who decide at once do it one after the other; the second is told so. What was
    looked at is what is decided on. Raises ChangedMeanwhile.
    """
    same = CapacityRequest.objects.filter(
        pk=request.pk, state=request.state, content_hash=request.content_hash
    )
    if not same.select_for_update().exists():
        raise ChangedMeanwhile(f"Request #{request.pk}")


def _decide(
    request: CapacityRequest,
    seen: Evidence,
    policy_version: int,
    facts: RequestFacts,
    *,
    outcome: str,
    by: User | None,
    note: str,
    at: datetime,
) -> Decision:
    return Decision.objects.create(
        request=request,
        decided_by=by,
        outcome=outcome,
        note=note.strip(),
        content_hash=request.content_hash,
        evidence=seen,
        policy_version=policy_version,
        policy_facts=facts.as_json(),
        at=at,
    )


def _grant(
    request: CapacityRequest, decision: Decision, pool: Pool, *, by_id: int | None, at: datetime
) -> CapacityRequest:
    window = granted_window(request, pool.lead, at)
    found = fit(pool_entries(pool, window), room_of(pool), window, request.units)
    if not found.fits:
        raise does_not_fit(request.deployment, found)
    LedgerEntry.objects.create(
        pool=pool,
        deployment=request.deployment,
        service=request.service,
        units=request.units,
        effective_from=window.start,
        effective_until=window.end,
        kind=LedgerEntry.Kind.BURST,
        request=request,
        reason=request.get_occasion_display(),
        recorded_at=at,
        recorded_by_id=by_id,
    )
    move(request, RequestEvent.APPROVE, decided_at=at)
    audit.record(
        "burst.approved",
        f"request/{request.pk}",
        actor_id=by_id,
        at=at,
        decision=decision.pk,
        units=request.units,
        policy=decision.policy_version,
    )
    return request


def granted_window(request: CapacityRequest, lead: timedelta, at: datetime) -> Window:
    """[start − lead, end), never before this minute: what has passed cannot be granted."""
    if request.window.end <= at:
        raise DomainError(
            f"The window ended at {request.window.end:%a %d %b %H:%M} UTC; "
            "it is too late to approve it. Nothing was written. "
            "The requester can ask for a new window.",
            code="too_late",
        )
    return Window(max(request.starts_at - lead, floor_to_minute(at)), request.window.end)
