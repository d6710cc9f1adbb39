"""Rows of the showback lists: amounts to the cent, the month before, idle, use, what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum

from portal.kernel import formatting
from portal.kernel.money import ZERO
from portal.kernel.shown import Shown
from showback.models import CostLine
from showback.selectors.cents import Account, Days, lines_of
from showback.selectors.use_totals import UseTotals

# Below this share the cell is marked; a minute or two a day is noise of the source.
COMPLETE_FROM = Decimal("0.995")


@dataclass(frozen=True)
class CostRow:
    """One row, ready to print. `slot` picks a team's colour: the same on every page."""

    name: str
    url: str
    amount: Decimal
    before: Decimal
    idle: Decimal
    unpriced: int
    use: UseTotals
    slot: int = 0

    @property
    def cost(self) -> Shown:
        return money_cents(self.amount)

    @property
    def idle_cost(self) -> Shown:
        return money_cents(self.idle)

    @property
    def change(self) -> Shown:
        return formatting.change(self.amount, self.before)

    @property
    def tokens(self) -> Shown:
        return formatting.tokens(self.use.tokens)

    @property
    def used_of_held(self) -> Decimal | None:
        return self.use.used_of_held

    @property
    def used_label(self) -> Shown:
        return formatting.percent(self.use.used_of_held)

    @property
    def is_incomplete(self) -> bool:
        completeness = self.use.completeness
        return completeness is not None and completeness < COMPLETE_FROM

    @property
    def completeness(self) -> Shown:
        return formatting.percent(self.use.completeness)


def money_cents(amount: Decimal | None) -> Shown:
    return formatting.money_cents(amount, settings.HEADROOM_CURRENCY)


@dataclass(frozen=True)
class Extras:
    """Of one account or member: exact cost of idle provisioned capacity, lines without a price."""

    idle: Decimal = ZERO
    unpriced: int = 0


def extras_by(
    days: Days, fields: tuple[str, ...], account: Account | None = None
) -> dict[Any, Extras]:
    """By the tuple of the fields."""
    rows = (
        lines_of(days, account)
        .values(*fields)
        .annotate(
            idle=Sum("amount", filter=Q(category=CostLine.Category.PTU_IDLE)),
            unpriced=Count("id", filter=Q(price__isnull=True)),
        )
        .order_by()
    )
    return {
        tuple(row[field] for field in fields): Extras(row["idle"] or ZERO, row["unpriced"])
        for row in rows
    }


def total_row(rows: list[CostRow], use: UseTotals) -> CostRow:
    return CostRow(
        name="Together",
        url="",
        amount=sum((row.amount for row in rows), ZERO),
        before=sum((row.before for row in rows), ZERO),
        idle=sum((row.idle for row in rows), ZERO),
        unpriced=sum(row.unpriced for row in rows),
        use=use,
    )


def keys_of(*maps: Mapping[Any, Any]) -> list[Any]:
    return list(dict.fromkeys(key for found in maps for key in found))
