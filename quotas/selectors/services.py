"""The list of services: whose they are, how critical, what they hold now."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from portal.models import User
from quotas.models import Service
from quotas.selectors.holdings import Holding, holdings_of, together


@dataclass(frozen=True)
class ServiceRow:
    """`baseline` and `burst` print ready; the numbers beside them are for sorting."""

    id: int
    name: str
    slug: str
    team: str
    owner: str
    owner_is_active: bool
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
    """`total` is the baseline of all rows together, `on` how many have a burst."""

    rows: list[ServiceRow]
    total: str
    on: int


def service_list(user: User, *, at: datetime) -> ServiceList:
    """Every service that this person may see, by name. Three queries for any number."""
    rows = list(Service.objects.visible_to(user).select_related("team", "owner").distinct())
    holdings = holdings_of([row.pk for row in rows], at=at)
    asks = set(may_request(user).values_list("pk", flat=True))
    held = [part for holding in holdings.values() for part in holding.deployments]
    return ServiceList(
        [_row(row, holdings.get(row.pk, Holding()), row.pk in asks) for row in rows],
        total=together((part.deployment, part.baseline_units) for part in held),
        on=sum(1 for holding in holdings.values() if holding.has_burst),
    )


def may_request(user: User) -> QuerySet[Service]:
    """Services for which this person may ask, retired ones left out."""
    rows = Service.objects.may_request(user).select_related("team")
    return rows.exclude(lifecycle=Service.Lifecycle.RETIRED)


def _row(service: Service, holding: Holding, may_ask: bool) -> ServiceRow:
    return ServiceRow(
        id=service.pk,
        name=service.name,
        slug=service.slug,
        team=service.team.name,
        owner=service.owner.display_name,
        owner_is_active=service.owner.is_active,
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
