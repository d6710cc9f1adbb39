"""What operators of pools hear of changes: drift, a yes that is missing, refusals, what is stuck.

The first three are told in the transaction that finds them. A change that stays open is told of
again and again, less and less often, until it ends (I8): by a run that looks at what is open.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse

from portal.kernel.windows import DAY, HOUR, MINUTE
from portal.outbox import Event, tell
from quotas.domain.plan import DRIFT, is_unwritable
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change, Deployment, Plan, Pool
from quotas.selectors import words
from quotas.selectors.changes import TO_BE_SENT
from quotas.selectors.kill_switch import with_holds
from quotas.selectors.late_ends import late_ends
from quotas.selectors.on_the_way import KILLED
from quotas.selectors.people import operators_of, platform_owners

# How old an open change is when it is told of; after the last of these, once each day.
ALARMS = (15 * MINUTE, HOUR, 4 * HOUR)
MOST_NAMES = 5
NO_REASON = "It is tried again until it is done."


def tell_of_new(change: Change, *, at: datetime) -> None:
    """A change that waits for a person, as it is planned. Others are nobody's business yet, nor is
    what was snoozed.
    """
    if change.state != ChangeState.NEEDS_HUMAN or change.snoozed_until:
        return
    _tell(_event_of(change.sentence), change, at=at, why=change.sentence)


def _event_of(why: str) -> Event:
    if is_unwritable(why):
        return Event.CHANGE_UNWRITABLE
    return Event.DRIFT_FOUND if why == DRIFT else Event.CHANGE_NEEDS_YES


def tell_of_refusal(change: Change, *, at: datetime) -> None:
    """Azure refuses it, for a reason that waiting alone will not mend; once for each reason."""
    if change.state == ChangeState.BLOCKED:
        _tell(
            Event.CHANGE_BLOCKED,
            change,
            at=at,
            occurrence=change.error_reason,
            why=change.sentence,
        )


def tell_of_stopped(plan: Plan, *, at: datetime) -> None:
    if not plan.stopped_because:
        return
    tell(
        Event.PLAN_STOPPED,
        operators_of(plan.pool),
        subject=f"plan/{plan.pk}",
        url=reverse("pool_plan", args=[plan.pool_id]),
        at=at,
        pool=words.pool_name(plan.pool),
        why=plan.stopped_because,
    )


def tell_of_unmapped(deployments: Iterable[Deployment], *, at: datetime) -> None:
    """One notice for all that one reading of Azure found for the first time."""
    found = sorted(deployments, key=lambda deployment: deployment.pk)
    if not found:
        return
    names = ", ".join(str(deployment) for deployment in found[:MOST_NAMES])
    more = len(found) - MOST_NAMES
    tell(
        Event.DEPLOYMENT_UNMAPPED,
        platform_owners(),
        subject=f"deployment/{found[0].pk}",
        url=reverse("unmapped"),
        at=at,
        deployments=str(found[0]) if len(found) == 1 else f"{len(found)} deployments",
        names=f"{names} and {more} more" if more > 0 else names,
    )


def tell_of_stuck(*, at: datetime) -> int:
    """The growing alarm of every open change of pools that apply, but of ends that are late, which
    have their own. Returns how many were told.
    """
    late = [end.deployment.pk for end in late_ends(at=at)]
    rows = Change.objects.filter(
        state__in=OPEN_CHANGE_STATES,
        plan__pool__mode=Pool.Mode.APPLY,
        held_by__isnull=True,  # it ends by time alone, and everybody was told that it would wait
        planned_at__lte=at - ALARMS[0],
    ).exclude(Q(deployment__in=late) | Q(snoozed_until__gt=at))
    told = 0
    for change in with_holds(rows.select_related("deployment__pool", "plan__pool")).order_by("pk"):
        number = alarms_due(at - change.planned_at, waits=_was_told_at_once(change))
        if number:
            told += _tell(
                Event.CHANGE_STUCK,
                change,
                at=at,
                occurrence=number,
                since_at=change.planned_at,
                why=_why_stuck(change),
            )
    return told


def _why_stuck(change: Change) -> str:
    """While the kill switch is on nothing that is to be sent is tried again."""
    if change.is_killed and change.state in TO_BE_SENT:
        return f"{change.sentence} {KILLED}".strip()
    return change.sentence or NO_REASON


def tell_of_snoozes_over(*, at: datetime) -> int:
    """Edits that were to be left alone until now. Returns how many were told, each once."""
    rows = Change.objects.filter(state=ChangeState.NEEDS_HUMAN, snoozed_until__lte=at)
    return sum(
        _tell(Event.DRIFT_FOUND, change, at=at, occurrence=change.snoozed_until.isoformat())
        for change in rows.select_related("deployment__pool", "plan__pool").order_by("pk")
        if change.snoozed_until
    )


def _was_told_at_once(change: Change) -> bool:
    """What waits for a person, and what Azure refuses."""
    return change.state in (ChangeState.NEEDS_HUMAN, ChangeState.BLOCKED)


def alarms_due(age: timedelta, *, waits: bool) -> int:
    """How many alarms a change of this age has had by now; of one that `waits`, daily only."""
    first = () if waits else ALARMS
    return sum(1 for step in first if age >= step) + age // DAY


def _tell(event: Event, change: Change, *, at: datetime, **facts: object) -> bool:
    deployment = change.deployment
    notice = tell(
        event,
        operators_of(change.plan.pool),
        subject=f"change/{change.pk}",
        url=reverse("changes"),
        at=at,
        deployment=str(deployment),
        actual=words.amount(deployment, deployment.capacity_units),
        wanted=words.amount(deployment, change.to_units),
        **facts,
    )
    return notice is not None
