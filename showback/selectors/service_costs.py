"""What one service costs: its month so far, and the last days as a chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Count, DecimalField, Q, Sum, Value

from portal.kernel.charts import Chart
from portal.kernel.money import ZERO
from portal.kernel.received import Received
from showback.domain.months import Month, day_of
from showback.gateway import finance_zone
from showback.models import CostLine, ServiceDay
from showback.selectors.cost_charts import cost_by_day

CHART_DAYS = 30


@dataclass(frozen=True)
class MonthToDate:
    """Exact; `unpriced` lines are not in it. `amount` None: nothing is priced yet.

    `received`: of the minutes of use behind it.
    """

    amount: Decimal | None
    unpriced: int
    has_estimates: bool
    received: Received


@dataclass(frozen=True)
class ServiceCosts:
    """`chart`: the last 30 days by category, exact."""

    month: MonthToDate
    chart: Chart


def service_costs(service_id: int, *, at: datetime) -> ServiceCosts:
    """Since the month began (finance time zone), and the last days by category. One query.

    Of a service that the person may see: nothing here checks that again.
    """
    today = day_of(at, finance_zone())
    first, drawn = Month.of(today).first_day, today - timedelta(days=CHART_DAYS - 1)
    lines, received = _by_day(Q(service_id=service_id, day__gte=min(first, drawn)))
    amounts = {(each.category, each.day): each.exact or ZERO for each in lines if each.day >= drawn}
    incomplete = {day for day, of in received.items() if of.is_incomplete and day >= drawn}
    return ServiceCosts(
        month=_month_to_date(
            [line for line in lines if line.day >= first],
            sum((of for day, of in received.items() if day >= first), Received()),
        ),
        chart=cost_by_day(amounts, frozenset(incomplete)),
    )


class _Line(NamedTuple):
    """What a category cost in a day; of category "" the minutes behind the day's use."""

    day: date
    category: str
    exact: Decimal | None
    unpriced: int
    estimated: int
    minutes_received: int
    minutes_due: int


def _by_day(mine: Q) -> tuple[list[_Line], dict[date, Received]]:
    """Cost by day and category, and what came by day; a day may have either alone. One query."""
    costs = (
        CostLine.objects.filter(mine)
        .order_by()
        .values_list("day", "category")
        .annotate(
            exact=Sum("amount"),
            unpriced=Count("id", filter=Q(price__isnull=True)),
            estimated=Count("id", filter=Q(is_estimated=True)),
            received=Value(0),
            due=Value(0),
        )
    )
    came = (
        ServiceDay.objects.filter(mine)
        .order_by()
        .values_list("day", Value(""))
        .annotate(
            exact=Value(None, DecimalField()),
            unpriced=Value(0),
            estimated=Value(0),
            received=Sum("minutes_received"),
            due=Sum("minutes_expected"),
        )
    )
    rows = [_Line(*row) for row in costs.union(came, all=True)]
    days = {row.day: row for row in rows if not row.category}
    return (
        [row for row in rows if row.category],
        {day: Received(row.minutes_received, row.minutes_due) for day, row in days.items()},
    )


def _month_to_date(lines: Sequence[_Line], received: Received) -> MonthToDate:
    priced = [line.exact for line in lines if line.exact is not None]
    return MonthToDate(
        sum(priced, ZERO) if priced else None,
        sum(line.unpriced for line in lines),
        any(line.estimated for line in lines),
        received,
    )
