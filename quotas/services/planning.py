"""The plan of a deployment: a row with the id that it will have, and the request for its first
baseline. What becomes of it is in `expectations`.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import F

from portal import audit
from portal.kernel.errors import DomainError
from portal.models import User
from quotas.models import (
    NEVER_THERE,
    AzureAccount,
    CapacityRequest,
    DeployableModel,
    Deployment,
    Expectation,
    Service,
    Team,
)
from quotas.selectors.expectations import open_plans
from quotas.selectors.onboarding import may_register_for
from quotas.services.asking import Draft
from quotas.services.locks import lock_service
from quotas.services.refusals import refuse
from quotas.services.requests import submit

# As Azure allows it for accounts, and their deployments.
DEPLOYMENT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{1,63}")


@dataclass(frozen=True)
class Planned:
    """Where its first deployment is to be: `units` of a model in an account, under a name."""

    account: AzureAccount
    model: DeployableModel
    name: str
    units: int


@transaction.atomic
def plan_deployment(service: Service, planned: Planned, *, by: User, at: datetime) -> Expectation:
    """Another plan for a service that was registered: the first was denied, or given up; or its
    deployment is to have a second beside it, fed by another pool.
    """
    if not may_register_for(service.team, by):
        raise not_a_lead(service.team)
    if service.lifecycle == Service.Lifecycle.RETIRED:
        raise refuse("retired", f"{service} is retired. Register a new service instead.")
    same = service.deployments.present().filter(
        pool=planned.model.pool_id, model_name=planned.model.model_name
    )
    if (found := same.first()) is not None:
        raise refuse(
            "has_deployments",
            f"{service} has a deployment of {planned.model.model_name} that this pool feeds: "
            f"{found}. Ask for another baseline there instead.",
        )
    if open_plans().filter(service=service).exists():
        raise refuse("planned_already", f"A deployment of {service} is planned already.")
    return plan(service, planned, by=by, at=at)


def plan(service: Service, planned: Planned, *, by: User, at: datetime) -> Expectation:
    """A deployment that Azure does not show yet, and the request for its first baseline, for its
    owner where whoever asks could not ask for the service.
    """
    service = lock_service(service)
    deployment = _expected(service, planned)
    asks = Service.objects.may_request(by).filter(pk=service.pk).exists()
    draft = Draft(
        service=service,
        deployment=deployment,
        units=planned.units,
        starts_at=at,
        ends_at=None,
        purpose=service.purpose,
        on_behalf_of=None if asks else service.owner,
        starts_now=True,
        kind=CapacityRequest.Kind.BASELINE,
    )
    request = submit(draft, by=by, at=at)
    expectation = Expectation.objects.create(
        service=service,
        deployment=deployment,
        request=request,
        model_name=planned.model.model_name,
        sku_name=planned.model.sku_name,
        made_at=at,
        made_by=by,
    )
    audit.record(
        "deployment.planned",
        f"deployment/{deployment.pk}",
        actor_id=by.pk,
        at=at,
        service=service.pk,
        request=request.pk,
        units=planned.units,
    )
    return expectation


def _expected(service: Service, planned: Planned) -> Deployment:
    """The row with the id that it will have. Raises DomainError where one is, or was, there."""
    account, model = planned.account, planned.model
    _check_planned(planned)
    resource_id = f"{account.resource_id}/deployments/{planned.name}"
    facts = {
        "resource_id": resource_id,
        "account": account,
        "name": planned.name,
        "model_format": model.model_format,
        "model_name": model.model_name,
        "model_version": model.model_version,
        "sku_name": model.sku_name,
        "pool": model.pool,
        "service": service,
        "tokens_per_minute_per_unit": model.tokens_per_minute_per_unit,
        "requests_per_minute_per_unit": model.requests_per_minute_per_unit,
        "minimum_units": model.minimum_units,
        "step_units": model.step_units,
        "capacity_units": 0,
        "settled_units": 0,
        "provisioning_state": "",
        "first_seen_at": NEVER_THERE,
        "observed_at": NEVER_THERE,
        "gone_at": NEVER_THERE,
    }
    found: Deployment
    found, is_new = Deployment.objects.select_for_update(of=("self",)).get_or_create(
        resource_key=resource_id.lower(), defaults=facts
    )
    if is_new:
        return found
    if not found.is_expected or open_plans().filter(deployment=found).exists():
        raise refuse(
            "deployment_name_taken",
            f"{account.name} has, had or is to have a deployment called {planned.name}. Choose "
            "another name.",
        )
    Expectation.objects.filter(deployment=found, ended_at__isnull=True).update(
        ended_at=F("made_at")
    )
    for name, value in facts.items():
        setattr(found, name, value)
    found.save(update_fields=list(facts))
    return found


def _check_planned(planned: Planned) -> None:
    account, model = planned.account, planned.model
    if not DEPLOYMENT_NAME.fullmatch(planned.name):
        raise refuse(
            "deployment_name_unclear",
            "Azure wants 2 to 64 letters, digits, hyphens, points or underscores, the first of "
            "them a letter or a digit.",
        )
    if (model.subscription_id, model.region) != (account.subscription_id, account.region):
        raise refuse("not_offered", f"{model.model_name} is not offered in {account.name}.")
    if planned.units <= 0 or model.step.at_least(planned.units) != planned.units:
        raise refuse(
            "wrong_step",
            f"{model.model_name} as {model.sku_name} comes in {model.step.minimum:,} units and "
            f"from there in steps of {model.step.step:,}: choose "
            f"{' or '.join(f'{units:,}' for units in model.step.nearest(planned.units))}.",
        )


def not_a_lead(team: Team) -> DomainError:
    return refuse(
        "not_a_lead", f"Only a lead of {team}, or a platform owner, registers its services."
    )
