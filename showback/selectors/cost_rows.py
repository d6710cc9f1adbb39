"""Rows of the showback lists: amounts to the cent, the month before, idle, use, what is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q

from portal.kernel import formatting
from portal.kernel.money import ZERO
from portal.kernel.shown import Shown
from showback.models import CostLine
from showback.selectors.cents import Account, Cell, Days, lines_of
from showback.selectors.use_totals import UseTotals

# Below this share the cell is marked; a minute or two a day is noise of the source.
COMPLETE_FROM = Decimal("0.995")
IDLE = CostLine.Category.PTU_IDLE.value


def money_cents(amount: Decimal | None) -> Shown:
    return formatting.money_cents(amount, settings.HEADROOM_CURRENCY)


@dataclass(frozen=True)
class Money:
    """Cents of an account or member, and of them those of idle provisioned capacity."""

    amount: Decimal = ZERO
    idle: Decimal = ZERO


def money_of(cells: Mapping[Cell, Decimal]) -> Money:
    return Money(
        sum(cells.values(), ZERO),
        sum((cents for cell, cents in cells.items() if cell[1] == IDLE), ZERO),
    )


def money_by_member(cells: Mapping[Cell, Decimal]) -> dict[int, Money]:
    grouped: dict[int, dict[Cell, Decimal]] = {}
    for cell, cents in cells.items():
        grouped.setdefault(cell[0], {})[cell] = cents
    return {member: money_of(own) for member, own in grouped.items()}


@dataclass(frozen=True)
class Counts:
    """Cost lines with and without a price."""

    priced: int = 0
    unpriced: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.priced + other.priced, self.unpriced + other.unpriced)


def counts_by(
    days: Days, fields: tuple[str, ...], account: Account | None = None
) -> dict[Any, Counts]:
    """By the tuple of the fields."""
    rows = (
        lines_of(days, account)
        .values(*fields)
        .annotate(priced=Count("price"), unpriced=Count("id", filter=Q(price__isnull=True)))
        .order_by()
    )
    return {
        tuple(row[field] for field in fields): Counts(row["priced"], row["unpriced"])
        for row in rows
    }


@dataclass(frozen=True)
class CostRow:
    """One row, ready to print. `slot` picks a team's colour: the same on every page."""

    name: str
    url: str
    amount: Decimal
    before: Decimal
    idle: Decimal
    lines: Counts
    use: UseTotals
    slot: int = 0

    @property
    def cost(self) -> Shown:
        """Not an amount where nothing has a price: unpriced is not nought."""
        if self.lines.unpriced and not self.lines.priced:
            return Shown("unpriced", exact="no price is known for any of it", value="unpriced")
        return money_cents(self.amount)

    @property
    def is_partly_unpriced(self) -> bool:
        return bool(self.lines.unpriced and self.lines.priced)

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


def total_row(rows: list[CostRow], use: UseTotals) -> CostRow:
    return CostRow(
        name="Together",
        url="",
        amount=sum((row.amount for row in rows), ZERO),
        before=sum((row.before for row in rows), ZERO),
        idle=sum((row.idle for row in rows), ZERO),
        lines=sum((row.lines for row in rows), Counts()),
        use=use,
    )


def keys_of(*maps: Mapping[Any, Any]) -> list[Any]:
    return list(dict.fromkeys(key for found in maps for key in found))
