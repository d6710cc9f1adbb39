"""What a service and its team spend, as evidence on a request: of this month, and of a token."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import Count, Q, Sum

from quotas.selectors.metering import MeteredDeployment, team_of_service
from showback.domain.months import Month, day_of
from showback.domain.prices import Priced
from showback.gateway import finance_zone
from showback.models import CostLine, ServiceDay
from showback.selectors.prices import read_prices

LATELY = timedelta(days=7)
MILLION = Decimal(1_000_000)
UNPRICED = Q(price__isnull=True)


@dataclass(frozen=True)
class EvidenceCosts:
    """None where nothing is known. `usd_per_million` is blended over seven days, of this deployment
    and service; None also without use, or where any of it is unpriced. `month_to_date` is of what
    is priced. Where part of a team's use is unpriced it spent at least so much, and nobody knows
    what is left: `team_month_to_date` is None.
    """

    usd_per_million: Decimal | None
    usd_per_unit_hour: Decimal | None  # provisioned only
    month_to_date: Decimal | None
    team_month_to_date: Decimal | None


def evidence_costs(
    deployment: MeteredDeployment, service_id: int, *, at: datetime
) -> EvidenceCosts:
    """Two queries; three for provisioned capacity."""
    first = Month.of(day_of(at, finance_zone())).first_day
    since = day_of(at - LATELY, finance_zone())
    own, of_team = Q(service_id=service_id), Q(team__in=team_of_service(service_id))
    lately = own & Q(deployment_id=deployment.id, category="tokens", day__gte=since)
    this_month = Q(day__gte=first, currency=settings.HEADROOM_CURRENCY)
    found = CostLine.objects.filter(own | of_team, day__gte=min(first, since)).aggregate(
        lately_amount=Sum("amount", filter=lately),
        lately_unpriced=Count("id", filter=lately & UNPRICED),
        service_amount=Sum("amount", filter=own & this_month),
        team_amount=Sum("amount", filter=of_team & this_month),
        team_unpriced=Count("id", filter=of_team & this_month & UNPRICED),
    )
    cost = None if found["lately_unpriced"] else found["lately_amount"]
    return EvidenceCosts(
        usd_per_million=_usd_per_million(cost, deployment.id, service_id, since),
        usd_per_unit_hour=_usd_per_unit_hour(deployment, at=at),
        month_to_date=found["service_amount"],
        team_month_to_date=None if found["team_unpriced"] else found["team_amount"],
    )


def _usd_per_million(
    cost: Decimal | None, deployment_id: int, service_id: int, since: date
) -> Decimal | None:
    if cost is None:
        return None
    mine = ServiceDay.objects.filter(
        deployment_id=deployment_id, service_id=service_id, day__gte=since
    )
    use = mine.aggregate(prompt=Sum("prompt_tokens"), generated=Sum("generated_tokens"))
    tokens = (use["prompt"] or 0) + (use["generated"] or 0)
    return cost * MILLION / tokens if tokens else None


def _usd_per_unit_hour(deployment: MeteredDeployment, *, at: datetime) -> Decimal | None:
    if not deployment.is_provisioned:
        return None
    what = Priced(
        deployment.model_name, deployment.model_version, deployment.sku_name, deployment.region
    )
    price = read_prices().find(what, "ptu_hour", at)
    return price.amount(Decimal(1)) if price else None
