"""Deployments that belong to no service yet, each with the service it most likely belongs to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from django.db.models import Q, QuerySet

from portal.kernel.shown import Shown
from portal.kernel.slices import Slice, query_of, slice_of
from portal.models import User
from quotas.gateway import evidence_source
from quotas.models import Deployment, Pool
from quotas.selectors import words
from quotas.selectors.alike import Alike, Signs
from quotas.selectors.alike_services import services_in_use
from quotas.selectors.expectations import planned_services

PAGE_SIZE = 10
MOST_OFFERED = 40  # services; where there are more, each row offers those with the likeliest names


@dataclass(frozen=True)
class UnmappedRow:
    """`suggested` is a service's id; None where nothing is alike enough to propose one.

    `reason` says what speaks for it: `its name`, or the tag in Azure.
    """

    id: int
    name: str
    account: str
    model: str
    capacity: Shown
    pool: str
    first_seen: Shown
    suggested: int | None
    suggested_name: str
    reason: str
    may_map: bool
    services: list[tuple[int, str]]  # to choose from: all, or those with the likeliest names
    offers_all: bool


@dataclass(frozen=True)
class Unmapped:
    """`count` is of all, whatever was searched."""

    rows: list[UnmappedRow]
    place: Slice
    count: int


def unmapped_deployments(user: User, *, at: datetime) -> QuerySet[Deployment]:
    """Only organisation-wide roles see them: they belong to no team yet.

    Not those that several services share: their use is divided, call by call.
    """
    rows = Deployment.objects.present().unmapped().visible_to(user)
    return rows.exclude(pk__in=evidence_source().shared_deployments(at=at))


def may_map(user: User, deployment: Deployment) -> bool:
    """Platform owners, and owners of the pool that feeds it."""
    return user.is_platform_owner or (
        deployment.pool_id is not None
        and Pool.objects.operated_by(user).filter(pk=deployment.pool_id).exists()
    )


def may_unmap(user: User, deployments: Iterable[Deployment]) -> set[int]:
    """Of which of these the same people may say that they are nobody's. One query, of whoever owns
    some pools.
    """
    mapped = [each for each in deployments if each.service_id and each.gone_at is None]
    if user.is_platform_owner or not mapped:
        return {each.pk for each in mapped}
    operated = _operated(user) if user.owns_pools else set()
    return {each.pk for each in mapped if each.pool_id in operated}


def nobodys_since(deployment: Deployment) -> str:
    """ "it was first seen", or when it was unmapped: it is mapped from then on."""
    taken = deployment.reasons.first()
    return f"{taken.given_at:%d %b %Y, %H:%M} UTC" if taken else "it was first seen"


def unmapped(
    user: User, params: Mapping[str, str] = MappingProxyType({}), *, at: datetime
) -> Unmapped:
    """Largest first, narrowed by `?q=`; `?all=ID` offers every service for that one."""
    visible = unmapped_deployments(user, at=at)
    wanted = visible
    for word in query_of(params).split():
        wanted = wanted.filter(Q(name__icontains=word) | Q(account__name__icontains=word))
    place = slice_of(params, wanted.count(), size=PAGE_SIZE)
    rows = wanted.select_related("account", "pool").order_by("-capacity_units", "pk")
    shown = list(rows[place.start : place.stop])
    return Unmapped(
        _rows(shown, user, params.get("all", ""), at=at) if shown else [],
        place,
        count=visible.count() if place.query else place.total,
    )


def _rows(shown: list[Deployment], user: User, opened: str, *, at: datetime) -> list[UnmappedRow]:
    """What is shown, and so who looks at it sees every service. `opened`: one that offers all."""
    alike, planned = services_in_use(), planned_services(shown)
    operated = None if user.is_platform_owner else _operated(user)
    return [
        _row(each, alike, planned.get(each.pk), opened == str(each.pk), operated, at=at)
        for each in shown
    ]


def _operated(user: User) -> set[int]:
    return set(Pool.objects.operated_by(user).values_list("pk", flat=True))


def _row(
    deployment: Deployment,
    alike: Alike,
    planned: int | None,
    is_open: bool,
    operated: set[int] | None,
    *,
    at: datetime,
) -> UnmappedRow:
    """`operated` None: all pools. `planned`: the service that planned a deployment of its name."""
    may = operated is None or deployment.pool_id in operated
    signs = Signs(deployment.name, deployment.account.name, deployment.all_tags)
    plan = alike.by_id.get(planned)
    best = plan or alike.best(signs)
    offers_all = is_open or len(alike.services) <= MOST_OFFERED
    offered = list(alike.services if offers_all else alike.most(signs))
    offered += [plan] if plan and plan not in offered else []
    return UnmappedRow(
        id=deployment.pk,
        name=deployment.name,
        account=deployment.account.name,
        model=f"{deployment.model_name} {deployment.model_version}",
        capacity=words.amount(deployment, deployment.capacity_units),
        pool=words.pool_name(deployment.pool) if deployment.pool else "no pool known",
        first_seen=words.age(deployment.first_seen_at, now=at),
        suggested=best.id if best else None,
        suggested_name=best.name if best else "",
        reason="its plan" if plan else signs.reason(best) if best else "",
        may_map=may,
        services=[(each.id, f"{each.name} ({each.team})") for each in offered] if may else [],
        offers_all=len(offered) == len(alike.services),
    )
