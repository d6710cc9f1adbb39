"""Deployments that belong to no service yet, each with the service it most likely belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from portal.kernel.likeness import LEAST_LIKENESS, alike
from portal.kernel.shown import Shown
from portal.models import User
from quotas.models import Deployment, Pool, Service
from quotas.selectors import words


@dataclass(frozen=True)
class UnmappedRow:
    """`suggested` is a service's id; None where no name is alike enough to propose one."""

    id: int
    name: str
    account: str
    model: str
    capacity: Shown
    pool: str
    first_seen: Shown
    suggested: int | None
    suggested_name: str
    may_map: bool


@dataclass(frozen=True)
class Unmapped:
    rows: list[UnmappedRow]
    services: list[tuple[int, str]]


def unmapped_deployments(user: User) -> QuerySet[Deployment]:
    """Only organisation-wide roles see them: they belong to no team yet."""
    return Deployment.objects.present().unmapped().visible_to(user)


def may_map(user: User, deployment: Deployment) -> bool:
    """Platform owners, and owners of the pool that feeds it."""
    return user.is_platform_owner or (
        deployment.pool_id is not None
        and Pool.objects.operated_by(user).filter(pk=deployment.pool_id).exists()
    )


def unmapped(user: User, *, at: datetime) -> Unmapped:
    found = unmapped_deployments(user).select_related("account", "pool").order_by("-capacity_units")
    services = list(
        Service.objects.visible_to(user)
        .exclude(lifecycle=Service.Lifecycle.RETIRED)
        .select_related("team")
    )
    operated = set(Pool.objects.operated_by(user).values_list("pk", flat=True))
    return Unmapped(
        [_row(each, services, user, operated, at=at) for each in found],
        [(each.pk, f"{each.name} ({each.team.name})") for each in services],
    )


def _row(
    deployment: Deployment,
    services: Sequence[Service],
    user: User,
    operated: set[int],
    *,
    at: datetime,
) -> UnmappedRow:
    guess = suggest(deployment, services)
    return UnmappedRow(
        id=deployment.pk,
        name=deployment.name,
        account=deployment.account.name,
        model=f"{deployment.model_name} {deployment.model_version}",
        capacity=words.amount(deployment, deployment.capacity_units),
        pool=words.pool_name(deployment.pool) if deployment.pool else "no pool known",
        first_seen=words.age(deployment.first_seen_at, now=at),
        suggested=guess.pk if guess else None,
        suggested_name=guess.name if guess else "",
        may_map=user.is_platform_owner or deployment.pool_id in operated,
    )


def suggest(deployment: Deployment, services: Sequence[Service]) -> Service | None:
    """The service whose name is most like the deployment's or its account's; None if none is."""
    best = max(services, key=lambda service: likeness(deployment, service), default=None)
    return best if best and likeness(deployment, best) >= LEAST_LIKENESS else None


def likeness(deployment: Deployment, service: Service) -> float:
    """0 to 1. A deployment's own name counts fully, its account's three quarters."""
    own = alike(deployment.name, service.slug)
    return max(own, 0.75 * alike(deployment.account.name, service.slug))
