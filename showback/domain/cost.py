"""Cost lines of one deployment and day: exact, each with its price row. Nothing is rounded here.

Pay-as-you-go is charged by tokens, provisioned capacity by deployed PTU-hours and nothing else.
The rules with worked numbers are in `docs/algorithms/cost.md`.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from showback.domain.attribution import Use
from showback.domain.prices import Price, PriceBook, Priced
from showback.domain.split import split_whole

MICRO = Decimal("0.000001")
SECONDS_PER_HOUR = 3600


@dataclass(frozen=True)
class Line:
    """`price_id` and `amount` are None together: unpriced. Quantities have at most six decimals."""

    service_id: int | None
    category: str
    meter: str
    quantity: Decimal
    unit: str
    price_id: int | None
    amount: Decimal | None
    is_estimated: bool
    method: str


@dataclass(frozen=True)
class ServiceUse:
    """What one service used of the deployment in one hour."""

    service_id: int | None
    hour: datetime
    use: Use


def token_lines(what: Priced, uses: Iterable[ServiceUse], prices: PriceBook) -> list[Line]:
    """Input, cached input and output.

    Prompt tokens out of the cache are priced apart only where a cached price exists; their
    number is an estimate, so both lines are marked.
    """
    totals: dict[tuple[int | None, str, Price | None], int] = defaultdict(int)
    estimated: set[tuple[int | None, str, Price | None]] = set()
    for item in uses:
        use, hour = item.use, item.hour
        cached_price = prices.find(what, "cached_input", hour) if use.cached else None
        cached = use.cached if cached_price else 0
        parts = (
            ("input", use.prompt - cached, prices.find(what, "input", hour)),
            ("cached_input", cached, cached_price),
            ("output", use.generated, prices.find(what, "output", hour)),
        )
        for meter, tokens, price in parts:
            if tokens:
                key = (item.service_id, meter, price)
                totals[key] += tokens
                if cached and meter != "output":
                    estimated.add(key)
    return [
        _line(
            key[0],
            ("tokens", key[1]),
            Decimal(tokens),
            key[2],
            method="cache_rate" if key in estimated else "metered",
        )
        for key, tokens in totals.items()
    ]


@dataclass(frozen=True)
class PtuPart:
    """Unit-seconds of one hour charged to one service, or to nobody (`unallocated`)."""

    service_id: int | None
    category: str
    unit_seconds: int
    method: str
    hour: datetime


def ptu_lines(what: Priced, parts: Sequence[PtuPart], prices: PriceBook) -> list[Line]:
    """PTU-hours by price row. Quantities sum to the day's deployed PTU-hours, to six decimals."""
    totals: dict[tuple[int | None, str, str, Price | None], int] = defaultdict(int)
    for part in parts:
        if part.unit_seconds:
            price = prices.find(what, "ptu_hour", part.hour)
            totals[part.service_id, part.category, part.method, price] += part.unit_seconds
    quantities = to_hours(list(totals.values()))
    return [
        _line(key[0], (key[1], "ptu_hour"), quantity, key[3], method=key[2])
        for key, quantity in zip(totals, quantities, strict=True)
        if quantity
    ]


def to_hours(unit_seconds: list[int]) -> list[Decimal]:
    """In PTU-hours of six decimals, such that they sum to the rounded sum."""
    if not unit_seconds:
        return []
    micro_hours = (sum(unit_seconds) * 1_000_000 + SECONDS_PER_HOUR // 2) // SECONDS_PER_HOUR
    return [part * MICRO for part in split_whole(micro_hours, unit_seconds)]


ESTIMATES = frozenset({"cache_rate", "weighted_tokens", "utilisation", "not_measured"})


def _line(
    service_id: int | None,
    category_and_meter: tuple[str, str],
    quantity: Decimal,
    price: Price | None,
    *,
    method: str,
) -> Line:
    category, meter = category_and_meter
    return Line(
        service_id=service_id,
        category=category,
        meter=meter,
        quantity=quantity,
        unit="PTU-hour" if meter == "ptu_hour" else "token",
        price_id=price.id if price else None,
        amount=price.amount(quantity) if price else None,
        is_estimated=method in ESTIMATES,
        method=method,
    )
