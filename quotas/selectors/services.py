"""The list of services: whose they are, how critical, what they hold now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.shortcuts import get_object_or_404

from portal.kernel.slices import Slice, query_of, slice_of
from portal.models import User
from quotas.models import Service
from quotas.selectors.holdings import Holding, held_together, holdings_of
from quotas.selectors.onboarding import teams_for
from quotas.selectors.ownerless import acting


@dataclass(frozen=True)
class ServiceRow:
    """`baseline` and `burst` print ready; the numbers beside them are for sorting."""

    id: int
    name: str
    slug: str
    team: str
    owner: str
    gone: str  # where the owner is: who acts instead
    tier: str
    tier_number: int
    environment: str
    lifecycle: str
    baseline: str
    baseline_tokens_per_minute: int
    burst: str
    burst_tokens_per_minute: int
    may_request: bool


@dataclass(frozen=True)
class ServiceList:
    """A page of services. `count`, `total` (their baseline) and `on` (how many have a burst) are of
    all that the person may see.
    """

    rows: list[ServiceRow]
    place: Slice
    count: int
    total: str
    on: int
    may_register: bool


def service_list(user: User, params: Mapping[str, str], *, at: datetime) -> ServiceList:
    """By name, narrowed by `?q=`. As many queries for any number."""
    visible = Service.objects.visible_to(user)
    found = _named(visible, query_of(params)).select_related("team", "owner", "deputy").distinct()
    place = slice_of(params, found.count())
    rows = list(found[place.start : place.stop])
    holdings = holdings_of([row.pk for row in rows], at=at)
    asks = set(
        may_request(user).filter(pk__in=[row.pk for row in rows]).values_list("pk", flat=True)
    )
    together = held_together(visible, at=at)
    return ServiceList(
        [_row(row, holdings.get(row.pk, Holding()), row.pk in asks, at=at) for row in rows],
        place,
        count=visible.distinct().count() if place.query else place.total,
        total=together.baseline,
        on=together.with_burst,
        may_register=teams_for(user).exists(),
    )


def _named(rows: QuerySet[Service], query: str) -> QuerySet[Service]:
    """Every word is in the name, the team's or the owner's."""
    for word in query.split():
        rows = rows.filter(
            Q(name__icontains=word)
            | Q(slug__icontains=word)
            | Q(team__name__icontains=word)
            | Q(owner__first_name__icontains=word)
            | Q(owner__last_name__icontains=word)
        )
    return rows


def visible_service(user: User, slug: str) -> Service:
    """With its team, owner and deputy. Raises Http404 for one that this person may not see."""
    rows = Service.objects.visible_to(user).select_related("team", "owner", "deputy")
    return get_object_or_404(rows.distinct(), slug=slug)


def may_request(user: User) -> QuerySet[Service]:
    """Services for which this person may ask, retired ones left out."""
    rows = Service.objects.may_request(user).select_related("team")
    return rows.in_use()


def _row(service: Service, holding: Holding, may_ask: bool, *, at: datetime) -> ServiceRow:
    return ServiceRow(
        id=service.pk,
        name=service.name,
        slug=service.slug,
        team=service.team.name,
        owner=service.owner.display_name,
        gone=acting(service, at=at) if service.owner.is_gone(at) else "",
        tier=service.get_tier_display(),
        tier_number=service.tier,
        environment=service.get_environment_display(),
        lifecycle=service.get_lifecycle_display(),
        baseline=holding.baseline,
        baseline_tokens_per_minute=holding.baseline_tokens_per_minute,
        burst=holding.burst,
        burst_tokens_per_minute=holding.burst_tokens_per_minute,
        may_request=may_ask,
    )
