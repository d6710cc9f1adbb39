"""Charts of cost: exact amounts, as a picture and as a table."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from django.conf import settings
from django.db.models import F, Q, Sum

from portal.kernel.charts import Bar, BarsByTeam, Chart
from portal.kernel.charts_days import CostByDay
from portal.kernel.money import ZERO
from showback.models import CostLine, ServiceDay
from showback.selectors.cents import Days, to_cents_together
from showback.selectors.cost_rows import CostRow

MOST_BARS = 20
Amounts = dict[tuple[str, date], Decimal]  # by category and day

CATEGORIES = {
    CostLine.Category.TOKENS: "Tokens",
    CostLine.Category.PTU_USED: "Provisioned, used",
    CostLine.Category.PTU_IDLE: "Provisioned, idle",
    CostLine.Category.UNALLOCATED: "Provisioned, held by nobody",
}


def cost_by_team(rows: Sequence[CostRow]) -> Chart:
    """The dearest rows, idle provisioned capacity apart."""
    bars = [
        Bar(row.name, row.amount - row.idle, row.idle, row.slot, row.is_incomplete)
        for row in rows[:MOST_BARS]
    ]
    summary = "" if len(rows) <= MOST_BARS else f"The {MOST_BARS} dearest of {len(rows)}."
    if any(row.is_incomplete for row in rows[:MOST_BARS]):
        summary = f"{summary} ≥: minutes of use are missing.".strip()
    chart = BarsByTeam(bars, currency=settings.HEADROOM_CURRENCY)
    return chart.chart("cost-by-team", "Cost by team", summary=summary)


def amounts_by_day(days: Days, cost: Q, whole: Decimal) -> Amounts:
    """By category and day, to the cent: all of them sum to `whole`."""
    rows = (
        CostLine.objects.filter(days.condition & cost)
        .values("category", "day")
        .annotate(exact=Sum("amount"))
        .order_by()
    )
    found = {(row["category"], row["day"]): row["exact"] or ZERO for row in rows}
    return to_cents_together(found, whole)


def cost_by_day(amounts: Amounts, incomplete: frozenset[date]) -> Chart:
    """By day and category; of the incomplete days also those without any cost."""
    shown = sorted({day for _, day in amounts} | incomplete)
    there = {category for category, _ in amounts}
    return CostByDay(
        days=shown,
        categories={
            name: [amounts.get((category.value, day)) for day in shown]
            for category, name in CATEGORIES.items()
            if category in there
        },
        incomplete=incomplete,
        currency=settings.HEADROOM_CURRENCY,
    ).chart("cost-by-day", "Cost by day")


def incomplete_days(use: Q) -> frozenset[date]:
    """Days of which minutes are missing."""
    return frozenset(
        ServiceDay.objects.filter(use)
        .values("day")
        .annotate(received=Sum("minutes_received"), due=Sum("minutes_expected"))
        .filter(received__lt=F("due"))
        .order_by()
        .values_list("day", flat=True)
    )
