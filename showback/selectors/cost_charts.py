"""Charts of cost: exact amounts, as a picture and as a table."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import F, Q, Sum

from portal.kernel.charts import Bar, BarsByTeam, Chart, CostByDay
from portal.kernel.money import ZERO
from showback.models import CostLine, ServiceDay
from showback.selectors.cents import Days
from showback.selectors.cost_rows import CostRow

MOST_BARS = 20

CATEGORIES = {
    CostLine.Category.TOKENS: "Tokens",
    CostLine.Category.PTU_USED: "Provisioned, used",
    CostLine.Category.PTU_IDLE: "Provisioned, idle",
    CostLine.Category.UNALLOCATED: "Provisioned, held by nobody",
}


def cost_by_team(rows: Sequence[CostRow]) -> Chart:
    """The dearest rows, idle provisioned capacity apart."""
    bars = [Bar(row.name, row.amount - row.idle, row.idle, row.slot) for row in rows[:MOST_BARS]]
    summary = "" if len(rows) <= MOST_BARS else f"The {MOST_BARS} dearest of {len(rows)}."
    chart = BarsByTeam(bars, currency=settings.HEADROOM_CURRENCY)
    return chart.chart("cost-by-team", "Cost by team", summary=summary)


def cost_by_day(days: Days, cost: Q, use: Q) -> Chart:
    """By day and category. `cost` and `use` narrow cost lines and service days down alike."""
    found: dict[str, dict[date, Decimal]] = {}
    rows = (
        CostLine.objects.filter(days.condition & cost)
        .values("day", "category")
        .annotate(exact=Sum("amount"))
        .order_by("day")
    )
    for row in rows:
        found.setdefault(row["category"], {})[row["day"]] = row["exact"] or ZERO
    shown = sorted({day for by_day in found.values() for day in by_day})
    return CostByDay(
        days=shown,
        categories={
            name: [found[category].get(day) for day in shown]
            for category, name in CATEGORIES.items()
            if category in found
        },
        incomplete=incomplete_days(days.condition & use),
        currency=settings.HEADROOM_CURRENCY,
    ).chart("cost-by-day", "Cost by day")


def incomplete_days(use: Q) -> frozenset[date]:
    """Days of which more than one minute in 200 has not come."""
    return frozenset(
        ServiceDay.objects.filter(use)
        .values("day")
        .annotate(received=Sum("minutes_received"), due=Sum("minutes_expected"))
        .filter(received__lt=F("due") * 995 / 1000)
        .order_by()
        .values_list("day", flat=True)
    )
