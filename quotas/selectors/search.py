"""Finds teams, services, deployments and requests by name or number, of what a person may see."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import Q
from django.urls import reverse

from portal.models import User
from quotas.models import CapacityRequest, Deployment, Service, Team

MOST = 20  # of each kind
LONGEST_NUMBER = 9  # digits; nothing is numbered beyond that


@dataclass(frozen=True)
class Hit:
    """`about` says which one it is where names repeat."""

    name: str
    about: str
    url: str


@dataclass(frozen=True)
class Hits:
    """One kind of thing. `more` is true where there are others beyond the first twenty."""

    kind: str
    rows: list[Hit]
    more: bool


def search(user: User, text: str) -> list[Hits]:
    """Kinds without a hit are left out. A number, with or without #, is a request's."""
    wanted = text.strip()
    if not wanted:
        return []
    found = [
        _hits("Requests", _requests(user, wanted)),
        _hits("Services", _services(user, wanted)),
        _hits("Teams", _teams(user, wanted)),
        _hits("Deployments", _deployments(user, wanted)),
    ]
    return [hits for hits in found if hits.rows]


def only_hit(found: list[Hits]) -> Hit | None:
    """The one thing found, if it is one."""
    rows = [row for hits in found for row in hits.rows]
    return rows[0] if len(rows) == 1 else None


def _hits(kind: str, rows: list[Hit]) -> Hits:
    return Hits(kind, rows[:MOST], len(rows) > MOST)


def _requests(user: User, wanted: str) -> list[Hit]:
    digits = wanted.removeprefix("#")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= LONGEST_NUMBER):
        return []
    rows = CapacityRequest.objects.visible_to(user).filter(pk=int(digits))
    return [
        Hit(f"#{row.pk}", f"{row.service}, {row.get_occasion_display()}", row.get_absolute_url())
        for row in rows.select_related("service")
    ]


def _services(user: User, wanted: str) -> list[Hit]:
    rows = Service.objects.visible_to(user).filter(
        Q(name__icontains=wanted) | Q(slug__icontains=wanted)
    )
    return [
        Hit(row.name, row.team.name, row.get_absolute_url())
        for row in rows.select_related("team").distinct()[: MOST + 1]
    ]


def _teams(user: User, wanted: str) -> list[Hit]:
    """To the team's services; its page of costs is one step further."""
    rows = Team.objects.visible_to(user).filter(
        Q(name__icontains=wanted) | Q(slug__icontains=wanted)
    )
    return [
        Hit(
            row.name, "its services", f"{reverse('services')}?{urlencode({'services.q': row.name})}"
        )
        for row in rows.distinct()[: MOST + 1]
    ]


def _deployments(user: User, wanted: str) -> list[Hit]:
    rows = Deployment.objects.present().visible_to(user)
    account, slash, name = wanted.partition("/")
    if slash:
        rows = rows.filter(account__name__icontains=account, name__icontains=name)
    else:
        rows = rows.filter(Q(name__icontains=wanted) | Q(account__name__icontains=wanted))
    return [
        Hit(
            str(row),
            f"{row.model_name}, {row.service or 'unmapped'}",
            row.service.get_absolute_url() if row.service else reverse("unmapped"),
        )
        for row in rows.select_related("account", "service").distinct()[: MOST + 1]
    ]
