"""What a service and its team spend, as evidence on a request: of this month, and of a token."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import connection

from quotas.selectors.metering import MeteredDeployment
from showback.domain.months import Month, day_of
from showback.domain.prices import Priced
from showback.gateway import finance_zone
from showback.selectors.prices import read_prices

LATELY = timedelta(days=7)
MILLION = Decimal(1_000_000)

# One row: of the last days what a token of this deployment cost the service, and the tokens; of the
# month what the service and its team spent, and whether any of the team's is unpriced.
COSTS = """
SELECT sum(amount) FILTER (WHERE lately), bool_or(price_id IS NULL) FILTER (WHERE lately), (
    SELECT sum(prompt_tokens + generated_tokens) FROM showback_service_day
    WHERE deployment_id = %(deployment)s AND service_id = %(service)s AND day >= %(since)s
), sum(amount) FILTER (WHERE own AND this_month),
sum(amount) FILTER (WHERE of_team AND this_month),
bool_or(price_id IS NULL) FILTER (WHERE of_team AND this_month)
FROM (
    SELECT amount, price_id, service_id = %(service)s AS own, team_id = %(team)s AS of_team,
        day >= %(month)s AND currency = %(currency)s AS this_month,
        service_id = %(service)s AND deployment_id = %(deployment)s AND category = 'tokens'
            AND day >= %(since)s AS lately
    FROM showback_cost_line
    WHERE (service_id = %(service)s OR team_id = %(team)s) AND day >= least(%(month)s, %(since)s)
) line"""


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
    deployment: MeteredDeployment, service_id: int, team_id: int, *, at: datetime
) -> EvidenceCosts:
    """One query; two for provisioned capacity."""
    asked = {
        "deployment": deployment.id,
        "service": service_id,
        "team": team_id,
        "month": Month.of(day_of(at, finance_zone())).first_day,
        "since": day_of(at - LATELY, finance_zone()),
        "currency": settings.HEADROOM_CURRENCY,
    }
    with connection.cursor() as cursor:
        cursor.execute(COSTS, asked)
        cost, is_unpriced, tokens, of_service, of_team, team_is_unpriced = cursor.fetchone()
    is_known = cost is not None and tokens and not is_unpriced
    return EvidenceCosts(
        usd_per_million=cost * MILLION / tokens if is_known else None,
        usd_per_unit_hour=_usd_per_unit_hour(deployment, at=at),
        month_to_date=of_service,
        team_month_to_date=None if team_is_unpriced else of_team,
    )


def _usd_per_unit_hour(deployment: MeteredDeployment, *, at: datetime) -> Decimal | None:
    if not deployment.is_provisioned:
        return None
    what = Priced(
        deployment.model_name, deployment.model_version, deployment.sku_name, deployment.region
    )
    price = read_prices().find(what, "ptu_hour", at)
    return price.amount(Decimal(1)) if price else None
