"""What a service and its team spend, as evidence on a request: of this month, and of a token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db.models import BigIntegerField, Count, F, Max, Q, QuerySet, Subquery, Sum

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
    """One query; two for provisioned capacity."""
    first = Month.of(day_of(at, finance_zone())).first_day
    since = day_of(at - LATELY, finance_zone())
    own, of_team = Q(service_id=service_id), Q(team__in=team_of_service(service_id))
    here = Q(deployment_id=deployment.id, service_id=service_id, day__gte=since)
    lately = here & Q(category="tokens")
    this_month = Q(day__gte=first, currency=settings.HEADROOM_CURRENCY)
    found = CostLine.objects.filter(own | of_team, day__gte=min(first, since)).aggregate(
        tokens=Max(Subquery(_tokens(here))),  # one value; of whatever line
        lately_amount=Sum("amount", filter=lately),
        lately_unpriced=Count("id", filter=lately & UNPRICED),
        service_amount=Sum("amount", filter=own & this_month),
        team_amount=Sum("amount", filter=of_team & this_month),
        team_unpriced=Count("id", filter=of_team & this_month & UNPRICED),
    )
    cost = None if found["lately_unpriced"] else found["lately_amount"]
    tokens = found["tokens"]
    return EvidenceCosts(
        usd_per_million=cost * MILLION / tokens if cost is not None and tokens else None,
        usd_per_unit_hour=_usd_per_unit_hour(deployment, at=at),
        month_to_date=found["service_amount"],
        team_month_to_date=None if found["team_unpriced"] else found["team_amount"],
    )


def _tokens(here: Q) -> QuerySet[ServiceDay, int | None]:
    """Not read here: it is part of the query of whoever asks."""
    days = ServiceDay.objects.filter(here).order_by().values("deployment_id")
    used = Sum(F("prompt_tokens") + F("generated_tokens"), output_field=BigIntegerField())
    return days.values_list(used)


def _usd_per_unit_hour(deployment: MeteredDeployment, *, at: datetime) -> Decimal | None:
    if not deployment.is_provisioned:
        return None
    what = Priced(
        deployment.model_name, deployment.model_version, deployment.sku_name, deployment.region
    )
    price = read_prices().find(what, "ptu_hour", at)
    return price.amount(Decimal(1)) if price else None
