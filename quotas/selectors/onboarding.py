"""Who may register services for whom, and who may answer for them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import QuerySet

from portal.models import User
from quotas.models import Membership, Service, Team


def teams_for(user: User) -> QuerySet[Team]:
    """Teams for which this person may register a service: those they lead; of a platform owner,
    every one.
    """
    if user.is_platform_owner:
        return Team.objects.all()
    led = Team.objects.filter(memberships__user=user, memberships__role=Membership.Role.LEAD)
    return led.distinct()


def may_register_for(team: Team, user: User) -> bool:
    return teams_for(user).filter(pk=team.pk).exists()


def may_name_owners(service: Service, user: User) -> bool:
    """Who may ask for it, and platform owners; of a sandbox nobody."""
    if user.is_platform_owner:
        return not hasattr(service, "sandbox")
    return Service.objects.may_request(user).filter(pk=service.pk).exists()


def people_of(teams: Iterable[Team], *, at: datetime) -> QuerySet[User]:
    """Members of the teams who are there: they signed in or were imported, and are not gone.

    Nobody else could see the service, so nobody else could answer for it.
    """
    rows: QuerySet[User] = User.objects.present_at(at).filter(memberships__team__in=teams)
    return rows.distinct().order_by("first_name", "last_name", "pk")
