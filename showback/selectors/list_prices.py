"""What a deployment would cost at list price: for a suggestion, before there is any use of it."""

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal

from quotas import gateway
from showback.domain.prices import PriceBook, Priced
from showback.selectors.prices import read_prices

MILLION, ONE = Decimal(1_000_000), Decimal(1)
# Of a list price: the meter of the price book, and for how much of it.
METERS = {
    "input_per_million": ("input", MILLION),
    "output_per_million": ("output", MILLION),
    "per_unit_hour": ("ptu_hour", ONE),
}


def list_prices(
    asked: Collection[gateway.Priced], *, at: datetime
) -> dict[gateway.Priced, gateway.ListPrice]:
    """As they stand in the price book at the moment; what has no row is not known, never nought."""
    book = read_prices()
    return {what: _list_price(book, Priced(**vars(what)), at=at) for what in asked}


def _list_price(book: PriceBook, what: Priced, *, at: datetime) -> gateway.ListPrice:
    rows = {name: (book.find(what, meter, at), of) for name, (meter, of) in METERS.items()}
    return gateway.ListPrice(
        **{name: price.amount(of) for name, (price, of) in rows.items() if price is not None}
    )
