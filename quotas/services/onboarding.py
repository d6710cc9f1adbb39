"""Registering a service: who answers for it, what it is for, and where its first deployment is to
be. One transaction: the service, the plan of its deployment, and the request for its baseline.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal import audit
from portal.kernel.errors import DomainError
from portal.models import User
from portal.outbox import Event, tell
from quotas.models import Service, Team
from quotas.selectors.onboarding import may_register_for
from quotas.selectors.people import owners_of, platform_owners
from quotas.selectors.residency import REACH_OF
from quotas.services.owners import check_people
from quotas.services.planning import Planned, not_a_lead, plan
from quotas.services.refusals import refuse

SLUG_LENGTH = 60
RESERVED = {"register"}  # addresses of pages below /services/


@dataclass(frozen=True)
class Registration:
    """What a form or the API hands in about the service; nothing in it is trusted yet."""

    team: Team
    name: str
    owner: User
    deputy: User
    environment: str
    tier: int
    purpose: str
    user_population: str
    if_throttled: str
    proof_metric: str
    data_class: str
    data_residency: str


@transaction.atomic
def register(facts: Registration, planned: Planned | None, *, by: User, at: datetime) -> Service:
    """The service, as proposed until its deployment is there; without a plan it is active at once,
    as its deployment exists already, or it calls a shared one.

    Raises DomainError with a sentence for whatever cannot be; then nothing is written.
    """
    _check(facts, by=by, at=at)
    service = _create(facts, is_planned=planned is not None)
    audit.record("service.registered", f"service/{service.pk}", actor_id=by.pk, at=at)
    request = plan(service, planned, by=by, at=at).request if planned else None
    tell(
        Event.SERVICE_REGISTERED,
        (owners_of(service) | platform_owners()) - {by.pk},
        subject=f"service/{service.pk}",
        url=service.get_absolute_url(),
        at=at,
        by=by.display_name,
        service=service.name,
        team=service.team.name,
        owner=service.owner.display_name,
        plan=f"Request #{request.pk} asks for its first baseline." if request else "",
    )
    return service


def _check(facts: Registration, *, by: User, at: datetime) -> None:
    if not may_register_for(facts.team, by):
        raise not_a_lead(facts.team)
    for name, sentence in WANTED.items():
        if not str(getattr(facts, name)).strip():
            raise refuse(f"{name}_missing", sentence)
    if not slug_of(facts.name):
        raise refuse("name_unclear", "Give it a name with letters or digits.")
    check_people(facts.team, facts.owner, facts.deputy, at=at)
    check_reach(facts.data_class, facts.data_residency)


def check_reach(data_class: str, data_residency: str) -> None:
    """Raises DomainError where data of the class may not travel so far, by the settings."""
    widest = widest_residency(data_class)
    if REACH_OF[Service.Residency(data_residency)] > REACH_OF[widest]:
        told = Service.DataClass(data_class).label.lower()
        raise refuse(
            "too_far_for_its_class",
            f"Data that is {told} may be processed {widest.label.lower()} at most here. Choose "
            "that, or a class of data that fits.",
        )


WANTED = {
    "name": "Say what the service is called.",
    "purpose": "Say what it is for; approvers and finance read it.",
    "user_population": "Say who uses it, and about how many.",
    "if_throttled": "Say what happens to these people when calls are refused.",
    "proof_metric": "Say by what number one sees that it is worth its capacity.",
}


def widest_residency(data_class: str) -> Service.Residency:
    """How far data of a class may travel at most, by the settings. Raises DomainError."""
    if data_class not in Service.DataClass.values:
        raise refuse("class_unknown", "Say what class of data it handles.")
    found = settings.HEADROOM_DATA_CLASS_RESIDENCY[Service.DataClass.values.index(data_class)]
    return Service.Residency(found)


def _create(facts: Registration, *, is_planned: bool) -> Service:
    """Raises DomainError where somebody took the name meanwhile."""
    lifecycle = Service.Lifecycle.PROPOSED if is_planned else Service.Lifecycle.ACTIVE
    text = {name: str(getattr(facts, name)).strip() for name in WANTED}
    slug = slug_of(facts.name)
    if slug in RESERVED or Service.objects.filter(slug=slug).exists():
        raise _name_taken(facts.name)
    try:
        with transaction.atomic():
            return Service.objects.create(
                **text,
                slug=slug,
                team=facts.team,
                owner=facts.owner,
                deputy=facts.deputy,
                environment=facts.environment,
                tier=facts.tier,
                data_class=facts.data_class,
                data_residency=facts.data_residency,
                lifecycle=lifecycle,
            )
    except IntegrityError:
        raise _name_taken(facts.name) from None


def slug_of(name: str) -> str:
    """How it is called in addresses; so is its deployment, unless that has a name of its own."""
    return slugify(name)[:SLUG_LENGTH].strip("-")


def _name_taken(name: str) -> DomainError:
    return refuse(
        "name_taken", f"There is a service called {name.strip()} already. Choose another."
    )
