"""A member's month by day and meter."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from portal.kernel import formatting
from portal.kernel.charts import Chart
from portal.kernel.money import ZERO
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from showback.models import CostLine
from showback.selectors.cents import Column, Days, day_cents
from showback.selectors.cost_charts import Amounts, cost_by_day
from showback.selectors.cost_rows import money_cents
from showback.selectors.member_lines import (
    COLUMNS,
    cents_of_lines,
    condition_of_member,
    lines_of_member,
)
from showback.selectors.methods import member_methods
from showback.selectors.scope import MemberScope
from showback.selectors.unpriced import Unpriced, unpriced_lines
from showback.selectors.use_totals import UseTotals, condition_of, sum_of, use_by


@dataclass(frozen=True)
class DayRow:
    day: date
    url: str
    cells: list[Shown]
    amount: Decimal
    use: UseTotals

    @property
    def received(self) -> Received:
        return self.use.received

    @property
    def cost(self) -> Shown:
        return self.received.at_least(money_cents(self.amount))

    @property
    def tokens(self) -> Shown:
        return self.received.at_least(formatting.tokens(self.use.tokens))


@dataclass(frozen=True)
class ServiceMonth:
    """`columns` are the meters that occur; the last column, of the day, sums them."""

    member: MemberScope
    columns: list[str]
    rows: list[DayRow]
    totals: list[Shown]
    amount: Decimal
    use: UseTotals
    chart: Chart | None
    unpriced: list[Unpriced]
    attribution: list[str]

    @property
    def received(self) -> Received:
        return self.use.received

    @property
    def cost(self) -> Shown:
        return self.received.at_least(money_cents(self.amount))

    @property
    def tokens(self) -> Shown:
        return self.received.at_least(formatting.tokens(self.use.tokens))


def service_month(member: MemberScope) -> ServiceMonth:
    days, account = member.of.month.days, member.of.account
    cells = _cells(member, days)
    columns = [column for column in COLUMNS if any(column in row for row in cells.values())]
    use_condition = condition_of(days, account, member.id)
    use = use_by("day", use_condition)
    incomplete = frozenset(day for day, of in use.items() if of.received.is_incomplete)
    rows = [
        DayRow(
            day=day,
            url=member.day_url(day),
            cells=[money_cents(row.get(column)) for column in columns],
            amount=sum(row.values(), ZERO),
            use=use.get(day, UseTotals()),
        )
        for day in sorted({*cells, *incomplete}, reverse=True)
        for row in (cells.get(day, {}),)
    ]
    cost = condition_of_member(member)
    whole = sum_of(use.values())
    return ServiceMonth(
        member=member,
        columns=[COLUMNS[column] for column in columns],
        rows=rows,
        totals=[
            whole.received.at_least(
                money_cents(sum((row.get(column, ZERO) for row in cells.values()), ZERO))
            )
            for column in columns
        ],
        amount=sum((row.amount for row in rows), ZERO),
        use=whole,
        chart=cost_by_day(_by_category(cells), incomplete) if rows else None,
        unpriced=unpriced_lines(member.of.month, cost),
        attribution=member_methods(account, member.id, days),
    )


def _by_category(cells: dict[date, dict[Column, Decimal]]) -> Amounts:
    """The cents of the list, summed over the meters of a category, for the chart beside it."""
    found: Amounts = {}
    for day, row in cells.items():
        for (category, _), amount in row.items():
            found[category, day] = found.get((category, day), ZERO) + amount
    return found


def _cells(member: MemberScope, days: Days) -> dict[date, dict[Column, Decimal]]:
    """Cents by day and column: sums of the lines as the day's own page shows them."""
    wholes = day_cents(days, member.of.account, member.id)
    by_day: dict[date, list[CostLine]] = defaultdict(list)
    for line in lines_of_member(member, days):
        by_day[line.day].append(line)
    found: dict[date, dict[Column, Decimal]] = {}
    for day, lines in by_day.items():
        row: dict[Column, Decimal] = defaultdict(Decimal)
        for line, cents in zip(lines, cents_of_lines(lines, wholes[day]), strict=True):
            row[line.category, line.meter] += cents
        found[day] = row
    return found
