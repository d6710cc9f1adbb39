"""Rows of the showback lists: amounts to the cent, the month before, idle, use, what is missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.conf import settings

from portal.kernel import formatting
from portal.kernel.money import ZERO
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from portal.kernel.slices import Slice, query_of, slice_of
from showback.selectors.cents import Costs
from showback.selectors.use_totals import ToDate, UseTotals


def money_cents(amount: Decimal | None) -> Shown:
    return formatting.money_cents(amount, settings.HEADROOM_CURRENCY)


@dataclass(frozen=True)
class CostRow:
    """One row, ready to print. `slot` picks a team's colour: the same on every page.

    Amounts and tokens over incomplete use are the least that they may be: `≥`.
    """

    name: str
    url: str
    amount: Decimal
    before: Decimal
    to_date: ToDate
    slot: int = 0

    @cached_property
    def costs(self) -> Costs:
        return self.to_date.costs

    @cached_property
    def use(self) -> UseTotals:
        return self.to_date.use

    @property
    def cost(self) -> Shown:
        """Not an amount where nothing has a price: unpriced is not nought."""
        if self.costs.unpriced and not self.costs.priced:
            return Shown("unpriced", exact="no price is known for any of it", value="unpriced")
        return self.received.at_least(money_cents(self.amount))

    @property
    def is_partly_unpriced(self) -> bool:
        return bool(self.costs.unpriced and self.costs.priced)

    @property
    def idle(self) -> Decimal:
        return self.costs.idle

    @property
    def unpriced(self) -> int:
        """Lines that are missing from the amount; 0 where there is no amount to miss them."""
        return self.costs.unpriced if self.is_partly_unpriced else 0

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
        if self.costs.unpriced and not self.costs.priced:
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


def total_row(rows: list[CostRow]) -> CostRow:
    return CostRow(
        name="Together",
        url="",
        amount=sum((row.amount for row in rows), ZERO),
        before=sum((row.before for row in rows), ZERO),
        to_date=ToDate.together(row.to_date for row in rows),
    )


def keys_of(*maps: Mapping[Any, Any]) -> list[Any]:
    return list(dict.fromkeys(key for found in maps for key in found))
