"""Asking: a draft is checked, frozen with its evidence, judged by the policy, and goes its way."""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import DomainError
from portal.models import User
from portal.outbox import Event
from quotas.domain.states import RequestEvent, RequestState, deadline
from quotas.models import CapacityRequest, Decision
from quotas.services import policy, progress
from quotas.services.answering import Answer, record
from quotas.services.asking import Draft, content_hash, fields_of
from quotas.services.checks import check_draft
from quotas.services.drafts import check_own_draft
from quotas.services.pools import lock_pool_of
from quotas.services.reversing import release_holds
from quotas.services.ruling import Ruling, is_always_granted, rule
from quotas.services.stages import Voice, voices
from quotas.services.telling import tell_approvers
from quotas.services.transitions import move

Outcome = Decision.Outcome


@transaction.atomic
def submit(
    draft: Draft, *, by: User, at: datetime, saved: CapacityRequest | None = None
) -> CapacityRequest:
    """Sends a request of any kind: approved at once where the policy says so, else in review at its
    first stage.

    `saved` is the draft that it was kept as; it becomes the request. Raises DomainError with a
    sentence for whatever cannot be asked, or what the policy refuses; then nothing is written, and
    the draft stays.
    """
    _, rules = policy.current(at=at)
    terms = check_draft(draft, rules, by=by, at=at)
    fields = fields_of(draft, terms)
    request = _kept(saved, fields, by, at=at) if saved else _new(fields, by, at=at)
    ruling = rule(request, at=at, must_fit=not is_always_granted(request))
    audit.record(f"{draft.kind}.submitted", f"request/{request.pk}", actor_id=by.pk, at=at)
    return follow(request, ruling, at=at)


def _new(fields: dict[str, object], by: User, *, at: datetime) -> CapacityRequest:
    request = CapacityRequest(**fields, requester=by, state=RequestState.SUBMITTED, submitted_at=at)
    request.content_hash = content_hash(request)
    request.deadline_at = deadline(RequestState.SUBMITTED, since=at, ends_at=request.window.end)
    request.save(force_insert=True)
    return request


def _kept(
    saved: CapacityRequest, fields: dict[str, object], by: User, *, at: datetime
) -> CapacityRequest:
    check_own_draft(saved, by)
    for name, value in fields.items():
        setattr(saved, name, value)
    due = deadline(RequestState.SUBMITTED, since=at, ends_at=saved.window.end)
    return move(
        saved,
        RequestEvent.SUBMIT,
        **fields,
        content_hash=content_hash(saved),
        submitted_at=at,
        deadline_at=due,
    )


def follow(request: CapacityRequest, ruling: Ruling, *, at: datetime) -> CapacityRequest:
    """Where the ruling sends a request that was just submitted."""
    CapacityRequest.objects.filter(pk=request.pk).update(policy_version=ruling.version)
    request.policy_version = ruling.version
    if ruling.verdict.automatic or is_always_granted(request):
        return approve_by_policy(request, ruling, at=at)
    request.stages = [stage.as_json() for stage in ruling.verdict.stages]
    progress.open_stage(request, 1, event=RequestEvent.REVIEW, at=at)
    tell_approvers(Event.REQUEST_SUBMITTED, request, by=request.requester, at=at)
    return request


def policy_answer(request: CapacityRequest, ruling: Ruling, *, at: datetime) -> Answer:
    """The policy's own answer; it takes the pool's lock, because a grant may follow."""
    pool = lock_pool_of(request.deployment)
    facts, seen = ruling.judged.facts, ruling.seen
    return Answer(request, None, Voice(), seen, facts, ruling.version, pool, at)


def approve_by_policy(request: CapacityRequest, ruling: Ruling, *, at: datetime) -> CapacityRequest:
    """The policy's yes. Raises DomainError where it no longer fits, once the pool is locked."""
    request.stages, request.stage = [], 0
    CapacityRequest.objects.filter(pk=request.pk).update(stages=[], stage=0)
    answer = policy_answer(request, ruling, at=at)
    said = record(answer, Outcome.APPROVED)
    return progress.grant(answer, said, voices(request))


@transaction.atomic
def withdraw(request: CapacityRequest, *, by: User, at: datetime) -> CapacityRequest:
    """The requester takes it back before it is decided; what an offer held is free again."""
    if by.pk not in request.askers:
        raise DomainError("Only the person who asked may withdraw a request.", code="not_yours")
    move(request, RequestEvent.WITHDRAW, decided_at=at)
    release_holds(request, reason="Withdrawn.", by_id=by.pk, at=at)
    audit.record(f"{request.kind}.withdrawn", f"request/{request.pk}", actor_id=by.pk, at=at)
    tell_approvers(Event.REQUEST_WITHDRAWN, request, by=by, at=at)
    return request
