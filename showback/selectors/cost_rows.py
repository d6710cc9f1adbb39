"""Rows of the showback lists: amounts to the cent, the month before, idle, use, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db.models import Count, Q, Sum

from portal.kernel import formatting
from portal.kernel.money import ZERO
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from portal.kernel.slices import Slice, query_of, slice_of
from showback.models import CostLine, TeamCostDay
from showback.selectors.cents import Account, Days, lines_of
from showback.selectors.use_totals import UseTotals


def money_cents(amount: Decimal | None) -> Shown:
    return formatting.money_cents(amount, settings.HEADROOM_CURRENCY)


@dataclass(frozen=True)
class Extras:
    """Of a cost: exact idle provisioned capacity in it; lines with and without a price."""

    idle: Decimal = ZERO
    priced: int = 0
    unpriced: int = 0

    def __add__(self, other: "Extras") -> "Extras":
        return Extras(
            self.idle + other.idle, self.priced + other.priced, self.unpriced + other.unpriced
        )


def extras_by(
    days: Days, fields: tuple[str, ...], account: Account | None = None
) -> dict[Any, Extras]:
    """By the tuple of the fields."""
    rows = (
        lines_of(days, account)
        .values(*fields)
        .annotate(
            idle=Sum("amount", filter=Q(category=CostLine.Category.PTU_IDLE)),
            priced=Count("price"),
            unpriced=Count("id", filter=Q(price__isnull=True)),
        )
        .order_by()
    )
    return {
        tuple(row[field] for field in fields): Extras(
            row["idle"] or ZERO, row["priced"], row["unpriced"]
        )
        for row in rows
    }


def extras_by_team(days: Days) -> dict[tuple[int | None, str], Extras]:
    """By team and category, from the sums of whole teams."""
    rows = TeamCostDay.objects.filter(days.condition).values("team_id", "category").order_by()
    sums = rows.annotate(exact=Sum("amount"), lines=Sum("priced"), without=Sum("unpriced"))
    return {
        (row["team_id"], row["category"]): Extras(
            row["exact"] if row["category"] == CostLine.Category.PTU_IDLE else ZERO,
            row["lines"],
            row["without"],
        )
        for row in sums
    }


@dataclass(frozen=True)
class CostRow:
    """One row, ready to print. `slot` picks a team's colour: the same on every page.

    Amounts and tokens over incomplete use are the least that they may be: `≥`.
    """

    name: str
    url: str
    amount: Decimal
    before: Decimal
    extras: Extras
    use: UseTotals
    slot: int = 0

    @property
    def cost(self) -> Shown:
        """Not an amount where nothing has a price: unpriced is not nought."""
        if self.extras.unpriced and not self.extras.priced:
            return Shown("unpriced", exact="no price is known for any of it", value="unpriced")
        return self.received.at_least(money_cents(self.amount))

    @property
    def is_partly_unpriced(self) -> bool:
        return bool(self.extras.unpriced and self.extras.priced)

    @property
    def idle(self) -> Decimal:
        return self.extras.idle

    @property
    def unpriced(self) -> int:
        """Lines that are missing from the amount; 0 where there is no amount to miss them."""
        return self.extras.unpriced if self.is_partly_unpriced else 0

    @property
    def idle_cost(self) -> Shown:
        """Rounded on its own: a part of the cost that is not added up on the page."""
        return formatting.money(self.idle, settings.HEADROOM_CURRENCY)

    @property
    def idle_share(self) -> Shown:
        """Of the cost; the exact amount on hover."""
        if not self.idle or not self.amount:
            return Shown("–", exact="no provisioned capacity was idle", value="0")
        share = formatting.percent(min(Decimal(1), self.idle / self.amount))
        return Shown(share, exact=money_cents(self.idle).exact, value=f"{self.idle.normalize():f}")

    @property
    def change(self) -> Shown:
        """Not known where nothing has a price: an amount that is missing did not stay the same."""
        if self.extras.unpriced and not self.extras.priced:
            return formatting.not_known()
        return formatting.change(self.amount, self.before)

    @property
    def tokens(self) -> Shown:
        return self.received.at_least(formatting.tokens(self.use.tokens))

    @property
    def used_of_held(self) -> Decimal | None:
        return self.use.used_of_held

    @property
    def used_label(self) -> Shown:
        return formatting.percent(self.use.used_of_held)

    @property
    def received(self) -> Received:
        return self.use.received

    @property
    def is_incomplete(self) -> bool:
        return self.received.is_incomplete

    @property
    def completeness(self) -> Shown:
        return formatting.percent(self.received.share)


@dataclass(frozen=True)
class CostPart:
    """The rows of one page of a list, narrowed by what was searched; a total is of all rows."""

    rows: list[CostRow]
    place: Slice


def part_of(rows: Sequence[CostRow], params: Mapping[str, str]) -> CostPart:
    words = query_of(params).lower().split()
    wanted = [row for row in rows if all(word in row.name.lower() for word in words)]
    place = slice_of(params, len(wanted))
    return CostPart(wanted[place.start : place.stop], place)


def total_row(rows: list[CostRow], use: UseTotals) -> CostRow:
    return CostRow(
        name="Together",
        url="",
        amount=sum((row.amount for row in rows), ZERO),
        before=sum((row.before for row in rows), ZERO),
        extras=sum((row.extras for row in rows), Extras()),
        use=use,
    )


def keys_of(*maps: Mapping[Any, Any]) -> list[Any]:
    return list(dict.fromkeys(key for found in maps for key in found))
