"""The people of the organisation: who they are, whether they are there, what depends on them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Prefetch, Q, QuerySet

from portal.kernel.shown import Shown
from portal.kernel.slices import Slice, query_of, slice_of
from portal.kernel.status import Status, Tone
from portal.models import User
from quotas.models import Membership, Pool, Service
from quotas.selectors import words
from quotas.selectors.people import gone_because

HERE = Status("Here", Tone.OK, "check-circle")
GONE = Status("Gone", Tone.ATTENTION, "user-minus")
DEACTIVATED = Status("Deactivated", Tone.QUIET, "no-symbol")


@dataclass(frozen=True)
class PersonRow:
    """`services` and `pools` are (name, address part) of what they answer for."""

    name: str
    username: str
    teams: str
    roles: str
    seen: Shown
    seen_sort: str
    status: Status
    why: str
    owns: list[tuple[str, str]]
    deputises: list[tuple[str, str]]
    pools: list[tuple[str, int]]


@dataclass(frozen=True)
class PeoplePage:
    """`count` and `gone` are of everybody; `of_gone` says whether only those who are gone show."""

    rows: list[PersonRow]
    place: Slice
    count: int
    gone: int
    of_gone: bool

    @property
    def tabs(self) -> list[dict[str, object]]:
        return [
            {"label": "Everybody", "url": "?", "active": not self.of_gone},
            {"label": "Gone", "url": "?show=gone", "active": self.of_gone},
        ]


def people_page(params: Mapping[str, str], *, at: datetime) -> PeoplePage:
    """By name, narrowed by `?q=` and `?show=gone`. As many queries for any number."""
    everybody = User.objects.all()
    count = everybody.aggregate(
        all=Count("pk"), gone=Count("pk", filter=Q(pk__in=everybody.gone_at(at).values("pk")))
    )
    of_gone, query = params.get("show") == "gone", query_of(params)
    found = _named(everybody.gone_at(at) if of_gone else everybody, query)
    total = found.count() if query else count["gone" if of_gone else "all"]
    place = slice_of(params, total)
    rows = list(
        _with_all(found.order_by("first_name", "last_name", "pk"))[place.start : place.stop]
    )
    deputies: dict[int | None, list[Service]] = defaultdict(list)
    for service in Service.objects.in_use().filter(deputy__in=rows):
        deputies[service.deputy_id].append(service)
    return PeoplePage(
        [_row(person, deputies.get(person.pk, []), at=at) for person in rows],
        place,
        count=count["all"],
        gone=count["gone"],
        of_gone=of_gone,
    )


def _named(rows: QuerySet[User], query: str) -> QuerySet[User]:
    """Every word is in the name, the user name or the name of a team."""
    for word in query.split():
        rows = rows.filter(
            Q(first_name__icontains=word)
            | Q(last_name__icontains=word)
            | Q(username__icontains=word)
            | Q(pk__in=User.objects.filter(memberships__team__name__icontains=word).values("pk"))
        )
    return rows


def _with_all(rows: QuerySet[User]) -> QuerySet[User]:
    return rows.prefetch_related(
        "memberships__team",
        "role_grants",
        Prefetch("owned_services", queryset=Service.objects.in_use(), to_attr="in_use"),
        Prefetch("owned_pools", queryset=Pool.objects.listed(), to_attr="approves"),
    )


def _row(person: User, deputises: Iterable[Service], *, at: datetime) -> PersonRow:
    gone = person.is_gone(at)
    seen = person.last_seen_at
    return PersonRow(
        name=person.display_name,
        username=person.get_username(),
        teams=", ".join(_team(row) for row in person.memberships.all()),
        roles=", ".join(sorted(row.get_role_display() for row in person.role_grants.all())),
        seen=words.age(seen, now=at),
        seen_sort=seen.isoformat() if seen else "",
        status=(GONE if person.is_active else DEACTIVATED) if gone else HERE,
        why=gone_because(person) if gone else "",
        owns=_services(person.in_use),  # type: ignore[attr-defined]
        deputises=_services(deputises),
        pools=[(words.pool_name(pool), pool.pk) for pool in person.approves],  # type: ignore[attr-defined]
    )


def _team(membership: Membership) -> str:
    is_lead = membership.role == Membership.Role.LEAD
    return f"{membership.team.name} (lead)" if is_lead else membership.team.name


def _services(rows: Iterable[Service]) -> list[tuple[str, str]]:
    return [(service.name, service.slug) for service in rows]
