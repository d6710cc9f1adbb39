"""Deployments that are planned and not there yet, with the text that makes them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db.models import OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce, Lower

from portal.kernel import formatting_times
from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from portal.kernel.windows import FOREVER
from portal.models import User
from quotas.domain.snippets import PlannedDeployment, az_cli, bicep, bicep_deploy
from quotas.domain.states import WAITING_REQUEST_STATES, RequestState
from quotas.models import Deployment, Expectation, LedgerEntry, Service
from quotas.selectors import words

NOT_YET = Status("Waits for approval", Tone.ATTENTION, "clock")
EXPECTED = Status("Expected", Tone.INFO, "clock")
STILL_OPEN = Q(seen_at__isnull=True, ended_at__isnull=True)  # neither there nor given up


@dataclass(frozen=True)
class Plan:
    """One deployment that is to come. `is_granted`: its capacity is held, so it can be made now."""

    id: int
    name: str
    account: str
    model: str
    sku: str
    region: str
    units: int
    amount: Shown
    request_id: int
    request_url: str
    is_granted: bool
    status: Status
    az: str
    bicep: str
    bicep_deploy: str
    may_give_up: bool
    seen_within: Shown  # after it was made

    @property
    def az_id(self) -> str:
        return f"az-{self.id}"

    @property
    def bicep_id(self) -> str:
        return f"bicep-{self.id}"

    @property
    def deploy_id(self) -> str:
        return f"deploy-{self.id}"


def open_plans() -> QuerySet[Expectation]:
    """Asked for, or held: those that a deployment may still be made for. Each has `held_units`:
    what is held for good of a deployment that is not there; only its first baseline can be that.
    """
    lasting = LedgerEntry.objects.filter(
        deployment=OuterRef("deployment"), effective_until=FOREVER
    ).order_by()
    held = lasting.values("deployment").annotate(units=Sum("units")).values("units")
    rows = Expectation.objects.annotate(held_units=Coalesce(Subquery(held), 0))
    asked = Q(request__state__in=sorted(WAITING_REQUEST_STATES))
    granted = Q(request__state=RequestState.APPROVED, held_units__gt=0)
    found: QuerySet[Expectation] = rows.filter(asked | granted)
    return found.filter(STILL_OPEN)


def plans_of(service: Service, user: User, *, asks: bool) -> list[Plan]:
    """The service must come from `visible_to(user)`, who `asks` for it or only reads. Newest first.
    One query.
    """
    rows = open_plans().filter(service=service)
    found = rows.select_related("deployment__account", "deployment__pool", "request")
    return [_plan(row, asks, user) for row in found]


def _plan(row: Any, asks: bool, user: User) -> Plan:
    deployment, request = row.deployment, row.request
    is_granted = request.state == RequestState.APPROVED
    units = row.held_units if is_granted else request.units
    planned = planned_deployment(deployment, units)
    is_asker = user.pk in request.askers
    return Plan(
        id=row.pk,
        name=deployment.name,
        account=deployment.account.name,
        model=f"{deployment.model_name} {deployment.model_version}",
        sku=deployment.sku_name,
        region=deployment.account.region,
        units=units,
        amount=words.amount(deployment, units),
        request_id=request.pk,
        request_url=request.get_absolute_url(),
        is_granted=is_granted,
        status=EXPECTED if is_granted else NOT_YET,
        az=az_cli(planned),
        bicep=bicep(planned),
        bicep_deploy=bicep_deploy(planned),
        may_give_up=asks if is_granted else is_asker,
        seen_within=formatting_times.duration(sync_every()),
    )


def sync_every() -> timedelta:
    """How often Azure is looked at, by the schedule."""
    seconds: Any = settings.CELERY_BEAT_SCHEDULE["sync inventory"]["schedule"]
    return timedelta(seconds=seconds)


def planned_services(deployments: Iterable[Deployment]) -> dict[int, int]:
    """By id of a deployment, the service for which one of its name is, or was, planned; none where
    two services planned that name. One query.
    """
    rows = list(deployments)
    names = {row.name.lower() for row in rows}
    plans = Expectation.objects.annotate(key=Lower("deployment__name")).filter(key__in=names)
    found: dict[str, set[int]] = {}
    for key, service in plans.values_list("key", "service"):
        found.setdefault(key, set()).add(service)
    single = {key: services.pop() for key, services in found.items() if len(services) == 1}
    return {row.pk: single[row.name.lower()] for row in rows if row.name.lower() in single}


def planned_deployment(deployment: Deployment, units: int) -> PlannedDeployment:
    account = deployment.account
    return PlannedDeployment(
        subscription_id=account.subscription_id,
        resource_group=account.resource_group,
        account=account.name,
        name=deployment.name,
        model_format=deployment.model_format,
        model_name=deployment.model_name,
        model_version=deployment.model_version,
        sku_name=deployment.sku_name,
        units=units,
    )
