"""Requests for bursts: submit, withdraw, end overdue ones. Deciding is in `decisions.py`."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import Window, floor_to_minute
from portal.models import User
from quotas.domain.policy import Policy
from quotas.domain.policy_judge import judge
from quotas.domain.policy_rules import Outcome
from quotas.domain.states import RequestEvent, RequestState, deadline
from quotas.models import CapacityRequest, Deployment, Service
from quotas.services import decisions, evidence, policy, review
from quotas.services.pools import lock_pool_of
from quotas.services.refusals import (
    breaks_residency,
    does_not_fit,
    in_people_units,
    not_yours,
    policy_refuses,
    refuse,
)
from quotas.services.transitions import move


@dataclass(frozen=True)
class BurstDraft:
    """What a form or the API hands in; nothing in it is trusted yet."""

    service: Service
    deployment: Deployment
    units: int
    starts_at: datetime
    ends_at: datetime
    occasion: str
    purpose: str
    on_behalf_of: User | None = None
    accepts_provisioned_release: bool = False
    starts_now: bool = False


@transaction.atomic
def submit_burst(draft: BurstDraft, *, by: User, at: datetime) -> CapacityRequest:
    """Checks, freezes the evidence, judges by policy; approved at once where the policy says so.

    Raises DomainError with a sentence for whatever cannot be asked; then nothing is written.
    """
    number, rules = policy.current(at=at)
    window = check_draft(draft, rules, by=by, at=at)
    # Locked early here only because an automatic approval may follow in this transaction.
    lock_pool_of(draft.deployment)
    asked = evidence.Asked(draft.service, draft.deployment, draft.units, window)
    judged = evidence.gather(asked, at=at)
    if not judged.fit.fits:
        raise does_not_fit(draft.deployment, judged.fit)
    verdict = judge(judged.facts, rules)
    if verdict.outcome == Outcome.DENY:
        raise policy_refuses(verdict.reason, number)
    request = CapacityRequest.objects.create(
        service=draft.service,
        deployment=draft.deployment,
        requester=by,
        on_behalf_of=draft.on_behalf_of,
        units=draft.units,
        starts_at=window.start,
        ends_at=window.end,
        occasion=draft.occasion,
        purpose=draft.purpose.strip(),
        accepts_provisioned_release=draft.accepts_provisioned_release,
        state=RequestState.SUBMITTED,
        deadline_at=deadline(RequestState.SUBMITTED, since=at, ends_at=window.end),
        policy_version=number,
        content_hash=content_hash(draft, window, by),
        submitted_at=at,
    )
    found = evidence.store(request, judged, at=at)
    audit.record("burst.submitted", f"request/{request.pk}", actor_id=by.pk, at=at)
    if verdict.automatic:
        return decisions.approve_by_policy(request, found, number, judged.facts, at=at)
    return review.begin(request, verdict.stages, at=at)


def content_hash(draft: BurstDraft, window: Window, by: User) -> str:
    """SHA-256 over everything that an approval is given for."""
    content = {
        "service": draft.service.pk,
        "deployment": draft.deployment.pk,
        "units": draft.units,
        "from": window.start.isoformat(),
        "until": window.end.isoformat(),
        "occasion": draft.occasion,
        "purpose": draft.purpose.strip(),
        "requester": by.pk,
        "on_behalf_of": draft.on_behalf_of.pk if draft.on_behalf_of else None,
        "release": draft.accepts_provisioned_release,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def check_draft(draft: BurstDraft, rules: Policy, *, by: User, at: datetime) -> Window:
    """The window that is really asked for. Raises DomainError for the first thing that is wrong."""
    _check_may_ask(draft, by)
    window = check_window(draft, rules, at)
    check_amount(draft)
    if not draft.purpose.strip():
        raise refuse("purpose_missing", "Say what the burst is for; the approver reads it.")
    if draft.occasion not in CapacityRequest.Occasion.values:
        raise refuse("occasion_unknown", "Choose one of the listed occasions.")
    return window


def _check_may_ask(draft: BurstDraft, by: User) -> None:
    if not Service.objects.may_request(by).filter(pk=draft.service.pk).exists():
        raise not_yours(draft.service)
    if draft.deployment.service_id != draft.service.pk or draft.deployment.gone_at:
        raise refuse(
            "wrong_deployment",
            f"{draft.service} does not use the deployment {draft.deployment.name}.",
        )
    if draft.deployment.pool is None or not draft.deployment.pool.is_allocatable:
        raise refuse(
            "no_pool",
            f"No quota pool is known to feed {draft.deployment}, so nothing can be granted on it.",
        )
    if barred := breaks_residency(draft.service, draft.deployment):
        raise barred
    if not draft.service.owner.is_active:
        raise refuse(
            "no_owner", f"{draft.service} has no active owner. Name one first, then ask again."
        )


def check_window(draft: BurstDraft, rules: Policy, at: datetime) -> Window:
    """The window asked for, in whole minutes; "now" is this minute. Raises DomainError."""
    this_minute = floor_to_minute(at)
    starts_at = this_minute if draft.starts_now else floor_to_minute(draft.starts_at)
    ends_at = floor_to_minute(draft.ends_at)
    if ends_at <= starts_at:
        raise refuse("ends_before_start", "The end must be after the start.")
    if ends_at <= at:
        raise refuse("in_the_past", "The window is over already. Choose an end in the future.")
    if starts_at < this_minute:
        raise refuse(
            "start_in_the_past", "The start has passed. Choose a later start, or “start now”."
        )
    window = Window(starts_at, ends_at)
    if window.hours > rules.longest_hours:
        raise refuse(
            "too_long",
            f"A burst may last {rules.longest_hours // 24} days at most; this one lasts "
            f"{window.hours / 24:.1f}. For a lasting need, ask for a higher baseline.",
        )
    return window


def check_amount(draft: BurstDraft) -> None:
    """Raises DomainError for nothing, for more than the pool, for what a model cannot give."""
    deployment, pool = draft.deployment, draft.deployment.pool
    if draft.units <= 0:
        raise refuse("nothing_asked", "Ask for more than nothing.")
    limit = pool.limits.first() if pool else None
    if limit and draft.units > limit.limit_units:
        raise refuse(
            "absurd_amount",
            f"The whole pool has {in_people_units(deployment, limit.limit_units)}; "
            f"{in_people_units(deployment, draft.units)} were asked for.",
        )
    if not deployment.is_provisioned:
        return
    if deployment.step_units and draft.units % deployment.step_units:
        raise refuse(
            "wrong_step",
            f"Provisioned units of this model come in steps of {deployment.step_units}.",
        )
    if not draft.accepts_provisioned_release:
        raise refuse(
            "release_not_agreed",
            "At its end a provisioned burst is given back, and Azure does not promise the capacity "
            "a second time. Tick that you agree.",
        )


@transaction.atomic
def withdraw(request: CapacityRequest, *, by: User, at: datetime) -> CapacityRequest:
    """The requester takes it back before it is decided."""
    if by.pk not in {request.requester_id, request.on_behalf_of_id}:
        raise DomainError("Only the person who asked may withdraw a request.", code="not_yours")
    move(request, RequestEvent.WITHDRAW, decided_at=at)
    audit.record("burst.withdrawn", f"request/{request.pk}", actor_id=by.pk, at=at)
    return request


def time_out_overdue(*, at: datetime) -> int:
    """Ends by time alone every open request that nobody answered, drafts too. Returns how many."""
    ended = 0
    for request in CapacityRequest.objects.overdue(at):
        with transaction.atomic():
            try:
                move(request, RequestEvent.TIME_OUT, decided_at=at)
            except ChangedMeanwhile:
                continue  # answered this very moment
            audit.record("burst.timed_out", f"request/{request.pk}", actor_id=None, at=at)
            ended += 1
    return ended
