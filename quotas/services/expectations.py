"""Deployments that are planned: what happens when Azure shows one, and when nobody makes it.

A planned deployment is a row with the id that it will have, gone since before there was anything.
From the approval of its first baseline on the ledger holds that for it; nothing is written to Azure
for what is not there. Once Azure shows a deployment of that id:

| Azure shows | the first baseline | then |
|---|---|---|
| what was planned | approved and held | it is the service's; the ledger holds what was granted |
| what was planned | not in force yet | adopted by nobody; the request ends; somebody maps it |
| another model or type | approved or not | what was held goes back; adopted by nobody |
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.kernel.windows import floor_to_minute
from portal.models import User
from portal.outbox import Event, tell
from quotas.domain.states import WAITING_REQUEST_STATES, RequestEvent, RequestState
from quotas.models import (
    NEVER_THERE,
    DeployableModel,
    Deployment,
    Expectation,
    LedgerEntry,
    Pool,
    Service,
)
from quotas.selectors import words
from quotas.selectors.expectations import STILL_OPEN
from quotas.selectors.people import operators_of, owners_of
from quotas.services.give_back import give_back
from quotas.services.granting import units_held
from quotas.services.pool_moves import move_entries
from quotas.services.pools import lock_pool_of
from quotas.services.refusals import refuse
from quotas.services.requests import withdraw
from quotas.services.reversing import release_holds, reverse_each
from quotas.services.telling import tell_approvers
from quotas.services.transitions import move

WAITED_FOR = timedelta(days=30)  # after its approval; then the capacity goes back
NEVER_MADE = "It was never made in Azure."


def unseen() -> QuerySet[Expectation]:
    return Expectation.objects.filter(STILL_OPEN)


def unseen_of(subscription_id: str) -> dict[str, Expectation]:
    """By the resource key of a deployment that Azure never showed; the newest plan for it, be it
    denied or given up.
    """
    rows = Expectation.objects.filter(
        deployment__gone_at=NEVER_THERE, deployment__account__subscription_id=subscription_id
    )
    found = rows.select_related("deployment__account", "request", "service").order_by("pk")
    return {row.deployment.resource_key: row for row in found}


def follow_pools(subscription_id: str, *, at: datetime) -> dict[int, Pool]:
    """What is expected is fed by the pool that feeds its model now, and takes what it holds along,
    as when Azure moves a model to quota that regions share. Returns the pools that something came
    to, by id. Called by the sync, once what is offered was kept.
    """
    rows = Deployment.objects.filter(
        gone_at=NEVER_THERE, account__subscription_id=subscription_id
    ).select_related("account")
    came: dict[int, Pool] = {}
    for row in rows.order_by("pk"):
        pool = _pool_of(row)
        if pool is None or pool.pk == row.pool_id:
            continue
        Deployment.objects.filter(pk=row.pk).update(pool=pool)
        if move_entries(row, pool, at=at):
            came[pool.pk] = pool
    return came


def _pool_of(expected: Deployment) -> Pool | None:
    """None where Azure offers its model no more: then it stays where it is."""
    rows = DeployableModel.objects.filter(
        subscription_id=expected.account.subscription_id,
        region=expected.account.region,
        model_format=expected.model_format,
        model_name=expected.model_name,
        model_version=expected.model_version,
        sku_name=expected.sku_name,
    )
    found = rows.select_related("pool").first()
    return found.pool if found else None


def arrive(expected: Expectation, deployment: Deployment, *, at: datetime) -> bool:
    """Azure shows it. True: it holds what its request was granted; False: it has to be adopted like
    any other. The caller holds the lock of the pools; `deployment` is as Azure has it now.
    """
    Expectation.objects.filter(pk=expected.pk).update(seen_at=at)
    Deployment.objects.filter(pk=deployment.pk).update(
        first_seen_at=at, settled_units=deployment.capacity_units
    )
    as_planned = (deployment.model_name.lower(), deployment.sku_name.lower()) == (
        expected.model_name.lower(),
        expected.sku_name.lower(),
    )
    held = units_held(expected.request, floor_to_minute(at))
    if as_planned and held > 0 and expected.ended_at is None:
        _is_its(expected, deployment, held, at=at)
        return True
    _is_nobodys(expected, deployment, as_planned=as_planned, at=at)
    return False


def _is_its(expected: Expectation, deployment: Deployment, held: int, *, at: datetime) -> None:
    Service.objects.filter(pk=expected.service_id, lifecycle=Service.Lifecycle.PROPOSED).update(
        lifecycle=Service.Lifecycle.ACTIVE
    )
    audit.record(
        "deployment.arrived",
        f"deployment/{deployment.pk}",
        actor_id=None,
        at=at,
        service=expected.service_id,
        request=expected.request_id,
        units=deployment.capacity_units,
        held=held,
    )
    told = f"It has {words.amount(deployment, deployment.capacity_units)}"
    same = deployment.capacity_units == held
    granted = "as granted" if same else f"and {words.amount(deployment, held)} are granted"
    _tell(Event.DEPLOYMENT_ARRIVED, expected, deployment, f"{told}, {granted}.", at=at)


def _is_nobodys(
    expected: Expectation, deployment: Deployment, *, as_planned: bool, at: datetime
) -> None:
    """Like any deployment that Headroom sees for the first time: somebody has to say whose it is.
    What was held for it, or asked, ends, so that nothing counts twice.
    """
    why = (
        "It was made before its first baseline was in force, so that request has ended."
        if as_planned
        else f"Azure has {deployment.model_name} as {deployment.sku_name}, and "
        f"{expected.model_name} as {expected.sku_name} was planned."
    )
    take_back(expected, reason=why, by_id=None, at=at)
    _end_request(expected, at=at)
    Deployment.objects.filter(pk=deployment.pk).update(service=None)
    deployment.service = None
    audit.record(
        "deployment.not_as_planned",
        f"deployment/{deployment.pk}",
        actor_id=None,
        at=at,
        service=expected.service_id,
        request=expected.request_id,
    )
    if expected.ended_at is None:
        _tell(Event.DEPLOYMENT_NOT_AS_PLANNED, expected, deployment, why, at=at)


def take_back(expected: Expectation, *, reason: str, by_id: int | None, at: datetime) -> int:
    """Reverses what is still held for it. Returns the number of entries."""
    rows = LedgerEntry.objects.filter(request=expected.request_id, kind=LedgerEntry.Kind.BASELINE)
    return reverse_each(rows, reason=reason, by_id=by_id, at=at)


def _end_request(expected: Expectation, *, at: datetime) -> None:
    request = expected.request
    if request.state not in WAITING_REQUEST_STATES:
        return
    release_holds(request, reason="Made before it was approved.", by_id=None, at=at)
    tell_approvers(Event.REQUEST_WITHDRAWN, request, by=None, at=at)
    move(request, RequestEvent.WITHDRAW, decided_at=at)
    audit.record(f"{request.kind}.withdrawn", f"request/{request.pk}", actor_id=None, at=at)


@transaction.atomic
def give_up(expected: Expectation, *, by: User, reason: str, at: datetime) -> None:
    """Nobody will make it: what is held goes back at once, what is asked is withdrawn. By those who
    may ask for the service, or who asked; an owner of the pool revokes the grant instead.
    """
    expected = _locked(expected)
    request = expected.request
    if request.state in WAITING_REQUEST_STATES:
        withdraw(request, by=by, at=at)
    elif request.state == RequestState.APPROVED and units_held(request, floor_to_minute(at)) > 0:
        if not Service.objects.may_request(by).filter(pk=expected.service_id).exists():
            raise refuse(
                "not_yours",
                "Only the team gives up its own plans. An owner of the pool may revoke the grant.",
            )
        give_back(request, by=by, reason=reason.strip() or NEVER_MADE, at=at)
    Expectation.objects.filter(pk=expected.pk).update(ended_at=at)
    audit.record(
        "expectation.given_up",
        f"deployment/{expected.deployment_id}",
        actor_id=by.pk,
        at=at,
        request=expected.request_id,
    )


def give_back_overdue(*, at: datetime) -> int:
    """Ends plans whose capacity has been held for WAITED_FOR without a deployment. Returns how
    many.
    """
    rows = unseen().filter(
        request__state=RequestState.APPROVED, request__decided_at__lte=at - WAITED_FOR
    )
    return sum(_give_back_one(row, at=at) for row in rows.order_by("pk"))


@transaction.atomic
def _give_back_one(expected: Expectation, *, at: datetime) -> bool:
    try:
        expected = _locked(expected)
    except ChangedMeanwhile:
        return False
    take_back(expected, reason=NEVER_MADE, by_id=None, at=at)
    Expectation.objects.filter(pk=expected.pk).update(ended_at=at)
    audit.record(
        "expectation.ended",
        f"deployment/{expected.deployment_id}",
        actor_id=None,
        at=at,
        request=expected.request_id,
    )
    days = WAITED_FOR // timedelta(days=1)
    why = f"Azure has not shown it in {days} days since it was approved. Plan it again when needed."
    _tell(Event.EXPECTATION_ENDED, expected, expected.deployment, why, at=at)
    return True


def _locked(expected: Expectation) -> Expectation:
    """The pool first, as everywhere, so that a sync and a decision come before or after. Raises
    ChangedMeanwhile where it is no longer open.
    """
    lock_pool_of(expected.deployment)
    rows = unseen().select_related("deployment__account", "request__service", "service")
    found = rows.select_for_update(of=("self",)).filter(pk=expected.pk).first()
    if found is None:
        raise ChangedMeanwhile(f"The plan for {expected.deployment}")
    return found


def _tell(
    event: Event, expected: Expectation, deployment: Deployment, why: str, *, at: datetime
) -> None:
    people = owners_of(expected.service) | {expected.made_by_id}
    if event != Event.DEPLOYMENT_ARRIVED and deployment.pool:
        people |= operators_of(deployment.pool)
    tell(
        event,
        people,
        subject=f"service/{expected.service_id}",
        url=expected.service.get_absolute_url(),
        at=at,
        occurrence=expected.pk,
        service=expected.service.name,
        deployment=str(deployment),
        why=why,
    )
