"""Makes the people, teams and services of the demo organisation (`portal.demo_people`)."""

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password

from portal.demo_people import PASSWORD, organisation
from portal.kernel.windows import FOREVER
from portal.models import RoleGrant, User
from portal.models.presence import longest_unseen
from quotas.models import Membership, Service, Team, TeamBudget, TeamCostCentre
from quotas.selectors.budgets import month_of

GONE = "noor"  # owns services; their deputy acts
HOURS_APART = timedelta(hours=5)
SERVICE_FACTS = ("purpose", "if_throttled", "proof_metric", "user_population", "data_residency")


def create_everyone(*, at: datetime) -> None:
    """People with roles; teams with leads and members; services with their owners."""
    password = make_password(PASSWORD)
    for row in organisation()["people"]:
        user = _person(row, password)
        for role in row["roles"]:
            RoleGrant.objects.create(user=user, role=role, granted_at=at)
    for row in organisation()["teams"]:
        _team(row, password, at=at)
    for row in organisation()["services"]:
        _service(row)


def _person(row: dict[str, Any], password: str) -> User:
    first, _, last = row["name"].partition(" ")
    return User.objects.create(
        username=row["username"],
        first_name=first,
        last_name=last,
        email=f"{row['username']}@meridian.example",
        time_zone=row["time_zone"],
        password=password,
    )


def _team(row: dict[str, Any], password: str, *, at: datetime) -> None:
    lead, member = _person(row["lead"], password), _person(row["member"], password)
    team = Team.objects.create(
        slug=row["slug"],
        name=row["name"],
        finance_contact=User.objects.get(username="fay"),
    )
    TeamBudget.objects.create(
        team=team, amount=row["monthly_budget"], from_month=month_of(at), set_at=at
    )
    TeamCostCentre.objects.create(
        team=team, code=row["cost_centre"], effective_from=at, effective_until=FOREVER
    )
    Membership.objects.create(team=team, user=lead, role=Membership.Role.LEAD)
    Membership.objects.create(team=team, user=member, role=Membership.Role.MEMBER)


def _service(row: dict[str, Any]) -> None:
    team = Team.objects.get(slug=row["team"])
    people = {m.role: m.user for m in team.memberships.select_related("user")}
    Service.objects.create(
        team=team,
        slug=row["slug"],
        name=row["name"],
        owner=people[Membership.Role.LEAD],
        deputy=people[Membership.Role.MEMBER],
        environment=row["environment"],
        tier=row["tier"],
        **{name: row[name] for name in SERVICE_FACTS},
    )


def note_visits(*, at: datetime) -> None:
    """All were here within the last days, but for one owner, who has not been seen for long."""
    for number, person in enumerate(User.objects.order_by("pk")):
        User.objects.filter(pk=person.pk).update(last_seen_at=at - number * HOURS_APART)
    User.objects.filter(username=GONE).update(last_seen_at=at - 2 * longest_unseen())
