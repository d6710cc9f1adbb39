"""Naming who answers for a service: its owner and the deputy, both of its team and there."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from portal import audit
from portal.kernel.errors import ChangedMeanwhile, DomainError
from portal.models import User
from portal.outbox import Event, tell
from quotas.models import Service, Team
from quotas.selectors.onboarding import may_name_owners, people_of
from quotas.services.refusals import refuse


@transaction.atomic
def name_owners(service: Service, *, owner: User, deputy: User, by: User, at: datetime) -> Service:
    """From now on these two answer for it; what is asked and granted stays as it is.

    Raises DomainError: other people, somebody who is gone or of another team, one person for both,
    a sandbox. ChangedMeanwhile where somebody else named others. Then nothing is written.
    """
    if not may_name_owners(service, by):
        raise not_yours_to_name(service)
    check_people(service.team, owner, deputy, at=at)
    was = {service.owner_id, service.deputy_id}
    if (service.owner_id, service.deputy_id) == (owner.pk, deputy.pk):
        return service
    named = Q(deputy=service.deputy_id) if service.deputy_id else Q(deputy__isnull=True)
    rows = Service.objects.filter(named, pk=service.pk, owner=service.owner_id)
    if not rows.update(owner=owner, deputy=deputy):
        raise ChangedMeanwhile(str(service))
    service.owner, service.deputy = owner, deputy
    audit.record(
        "service.owners_named",
        f"service/{service.pk}",
        actor_id=by.pk,
        at=at,
        owner=owner.pk,
        deputy=deputy.pk,
    )
    tell(
        Event.SERVICE_OWNERS_NAMED,
        ({owner.pk, deputy.pk} | {pk for pk in was if pk}) - {by.pk},
        subject=f"service/{service.pk}",
        url=service.get_absolute_url(),
        at=at,
        occurrence=at.isoformat(),
        by=by.display_name,
        service=service.name,
        owner=owner.display_name,
        deputy=deputy.display_name,
    )
    return service


def not_yours_to_name(service: Service) -> DomainError:
    return refuse(
        "not_yours",
        f"Only a lead of {service.team}, the owner or deputy of the service, or a platform owner, "
        "names who answers for it; a sandbox stays its person's own.",
    )


def check_people(team: Team, owner: User, deputy: User, *, at: datetime) -> None:
    """Raises DomainError unless both are of the team and there, and not the same person."""
    if owner == deputy:
        raise refuse("deputy_is_owner", "Choose another person as deputy than the owner.")
    present = set(people_of([team], at=at).values_list("pk", flat=True))
    for role, person in (("owner", owner), ("deputy", deputy)):
        if person.pk not in present:
            raise refuse(
                f"{role}_not_there",
                f"{person.display_name} is not in {team}, or is gone, so could not answer for it. "
                "Choose somebody of the team who is there.",
            )
