"""Answers to what waits for a person: adopt what Azure has, write the ledger's capacity back, be
asked again later, or agree.
"""

from datetime import datetime, timedelta

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.kernel.windows import FOREVER, Window
from portal.models import User
from quotas.domain.availability import fit
from quotas.domain.plan import DRIFT, NOTHING_HELD, is_unwritable
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change, Deployment, LedgerEntry, Plan, Pool
from quotas.selectors import words
from quotas.selectors.change_list import content_of
from quotas.selectors.rooms import pool_entries, room_of
from quotas.services.pools import lock_pool_of
from quotas.services.reasons import checked_reason, keep_reason
from quotas.services.reconcile import move_change
from quotas.services.refusals import does_not_fit, refuse

LONGEST_SNOOZE = timedelta(days=30)
WHY_WRITE_BACK = "Say why the edit is written over; whoever made it may ask."
WHY_ADOPT = "Say why the edit becomes the baseline."
WHY_SNOOZE = "Say why it may stay as it is for now."


@transaction.atomic
def write_back(change: Change, *, by: User, reason: str = "", at: datetime) -> Change:
    """The yes to a change that waits for one; it is written at the next run. Over an edit it wants
    a reason, and no longer one than is kept (DomainError); another yes may have one.
    """
    _check(change, by)
    if is_unwritable(change.sentence):
        code = "nothing_held" if change.sentence == NOTHING_HELD else "wrong_step"
        raise DomainError(change.sentence, code=code)
    if reason.strip() or change.sentence == DRIFT:
        reason = checked_reason(reason, missing=WHY_WRITE_BACK)
    _agree(change, by=by, reason=reason, at=at)
    return change


@transaction.atomic
def snooze(change: Change, *, until: datetime, by: User, reason: str, at: datetime) -> Change:
    """Nobody is asked about an edit until then; it is told again when the time is over. Nothing is
    written meanwhile. An edit that changes meanwhile, or a ledger that does, asks anew.

    Raises DomainError: no edit, no reason, not in the future, or more than 30 days.
    """
    _check(change, by)
    if change.sentence != DRIFT:
        raise DomainError("Only what was changed outside can be snoozed.", code="no_drift")
    said = checked_snooze(until, reason, at=at)
    facts = {"snoozed_until": until, "answered_by": by, "answer_reason": said}
    waiting = Change.objects.filter(pk=change.pk, state=ChangeState.NEEDS_HUMAN)
    if not waiting.update(**facts):
        raise ChangedMeanwhile(f"Change {change.pk}")
    for name, value in facts.items():
        setattr(change, name, value)
    detail = {"until": until.isoformat(), **keep_reason(change, said, by=by, at=at)}
    audit.record("drift.snoozed", f"change/{change.pk}", actor_id=by.pk, at=at, **detail)
    return change


def checked_snooze(until: datetime, reason: str, *, at: datetime) -> str:
    """The reason as it is kept. Raises DomainError: none, or too long; the time is not in the
    future, or too far.
    """
    said = checked_reason(reason, missing=WHY_SNOOZE)
    if until <= at:
        raise refuse("snooze_over", "Choose a day that is still to come.")
    if until > at + LONGEST_SNOOZE:
        raise refuse(
            "snooze_too_long",
            f"Choose a day within {LONGEST_SNOOZE.days} days. To keep what Azure has, adopt it.",
        )
    return said


def _agree(change: Change, *, by: User, reason: str = "", at: datetime) -> None:
    agreed_at = at if change.sentence == DRIFT else None
    said = {"answered_by": by, "answer_reason": reason}
    facts = {"not_before": at, "sentence": "", "agreed_at": agreed_at, "snoozed_until": None}
    if not move_change(change, ChangeState.RETRY_WAIT, **facts, **said):
        raise ChangedMeanwhile(f"Change {change.pk}")
    kept = keep_reason(change, reason, by=by, at=at)
    audit.record("change.agreed", f"change/{change.pk}", actor_id=by.pk, at=at, **kept)


@transaction.atomic
def adopt(change: Change, *, by: User, reason: str, at: datetime) -> Deployment:
    """Makes what Azure has the new baseline: one entry over the difference, from now on.

    A decrease is a reversal of the steady entry it comes out of. Raises DomainError when it would
    take more than the steady entries hold, when an increase does not fit beside what is promised
    to others, when the change is no drift, or without a reason.
    """
    _check(change, by)
    if change.sentence != DRIFT:
        raise DomainError("Only what was changed outside can be adopted.", code="no_drift")
    why = checked_reason(reason, missing=WHY_ADOPT)
    pool = lock_pool_of(change.deployment)
    deployment: Deployment = Deployment.objects.select_for_update(of=("self",)).get(
        pk=change.deployment_id
    )
    difference = change.from_units - change.to_units
    if difference > 0:
        window = Window(at, FOREVER)
        found = fit(pool_entries(pool, window), room_of(pool), window, difference)
        if not found.fits:
            raise does_not_fit(deployment, found)
        _add_baseline(pool, deployment, difference, by=by, reason=why, at=at)
    else:
        _take_from_steady(deployment, -difference, by=by, reason=why, at=at)
    Deployment.objects.filter(pk=deployment.pk).update(settled_units=change.from_units)
    said = {"answered_by": by, "answer_reason": why}
    if not move_change(change, ChangeState.SUPERSEDED, ended_at=at, **said):
        raise ChangedMeanwhile(f"Change {change.pk}")
    subject = f"deployment/{deployment.pk}"
    detail = {"units": difference, "change": change.pk, **keep_reason(change, why, by=by, at=at)}
    audit.record("drift.adopted", subject, actor_id=by.pk, at=at, **detail)
    return deployment


@transaction.atomic
def allow_plan(plan: Plan, *, content: str, by: User, at: datetime) -> Plan:
    """The yes to an oversized plan as it was shown: every edit in it is written back, as if each
    had been agreed to. What asks for another reason (a release, nothing held) goes on asking.

    `content` is the hash of what was shown; ChangedMeanwhile when the plan is no longer that.
    """
    if not Pool.objects.operated_by(by).filter(pk=plan.pool_id).exists():
        raise DomainError("Only an owner of the pool may agree to its plan.", code="not_yours")
    left = plan.changes.filter(state__in=sorted(OPEN_CHANGE_STATES)).select_for_update()
    changes = list(left)
    stopped = Plan.objects.filter(pk=plan.pk).exclude(stopped_because="")
    is_as_shown = content == content_of(changes)
    if not is_as_shown or not stopped.update(stopped_because="", allowed_by_id=by.pk):
        raise ChangedMeanwhile(f"The plan of {words.pool_name(plan.pool)}")
    for change in changes:
        if change.state == ChangeState.NEEDS_HUMAN and change.sentence == DRIFT:
            _agree(change, by=by, at=at)
    facts = {"changes": len(changes), "content": content}
    audit.record("plan.allowed", f"plan/{plan.pk}", actor_id=by.pk, at=at, **facts)
    return plan


def _check(change: Change, by: User) -> None:
    if not Pool.objects.operated_by(by).filter(pk=change.plan.pool_id).exists():
        raise DomainError("Only an owner of the pool may decide on its changes.", code="not_yours")
    if change.state != ChangeState.NEEDS_HUMAN:
        raise ChangedMeanwhile(f"Change {change.pk}")


def _add_baseline(
    pool: Pool, deployment: Deployment, units: int, *, by: User, reason: str, at: datetime
) -> None:
    LedgerEntry.objects.create(
        pool=pool,
        deployment=deployment,
        service_id=deployment.service_id,
        units=units,
        effective_from=at,
        effective_until=FOREVER,
        kind=LedgerEntry.Kind.ADOPTED,
        reason=reason,
        recorded_at=at,
        recorded_by_id=by.pk,
    )


def _take_from_steady(
    deployment: Deployment, units: int, *, by: User, reason: str, at: datetime
) -> None:
    steady = LedgerEntry.objects.filter(
        deployment=deployment, kind__in=["adopted", "baseline"]
    ).in_force_at(at)
    for entry in steady.order_by("-effective_from", "-pk"):
        left = entry.units + sum(r.units for r in entry.reversals.in_force_at(at))
        part = min(left, units)
        if part > 0:
            LedgerEntry.objects.create(
                pool_id=entry.pool_id,
                deployment=deployment,
                service_id=entry.service_id,
                units=-part,
                effective_from=at,
                effective_until=entry.effective_until,
                kind=LedgerEntry.Kind.REVERSAL,
                reverses=entry,
                reason=reason,
                recorded_at=at,
                recorded_by_id=by.pk,
            )
            units -= part
    if units > 0:
        raise DomainError(
            "Azure has less than the bursts alone hold, so it cannot become the baseline. "
            "End a burst first, or write the ledger's capacity back. Nothing was written.",
            code="below_bursts",
        )
