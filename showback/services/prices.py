"""Prices: put rows into the table without ever editing the past."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db import transaction

from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER
from showback.domain.months import day_of, day_window
from showback.gateway import finance_zone
from showback.models import CostLine, PriceRow, TouchedHour

KEY = (
    "model_name",
    "model_version",
    "sku_name",
    "service_tier",
    "region_scope",
    "meter",
    "currency",
)


@dataclass(frozen=True)
class PriceInput:
    """One price from its start on; the next row of the same key ends it."""

    model_name: str
    model_version: str
    sku_name: str
    service_tier: str
    region_scope: str
    meter: str
    effective_from: datetime
    price: Decimal
    per: int
    currency: str
    source: str
    source_date: date
    confidence: str
    note: str

    @property
    def key(self) -> tuple[str, ...]:
        return tuple(getattr(self, name) for name in KEY)


class PriceDiffers(DomainError):
    code = "price_differs"

    def __init__(self, new: PriceInput, old: PriceRow) -> None:
        super().__init__(
            f"{new.model_name or 'Any model'} {new.sku_name} {new.meter} has a price of "
            f"{old.price} from {old.effective_from:%Y-%m-%d} on. A price of {new.price} from the "
            "same day was not loaded, and nothing else was. Give the new price a later start."
        )


@dataclass(frozen=True)
class Loaded:
    added: int
    kept: int


@transaction.atomic
def load_prices(rows: Iterable[PriceInput]) -> Loaded:
    """Adds the rows that are not there yet; safe to run again.

    A later start ends the row before it, and days since the earliest new start are costed again.
    Raises PriceDiffers, with nothing written, when a row of the same key and start has another
    price: cost lines point to it.
    """
    known: dict[tuple[str, ...], list[PriceRow]] = {}
    for row in PriceRow.objects.select_for_update():
        known.setdefault(_key_of(row), []).append(row)
    kept = 0
    starts: list[datetime] = []
    touched: set[tuple[str, ...]] = set()
    for new in rows:
        siblings = known.setdefault(new.key, [])
        same = next((row for row in siblings if row.effective_from == new.effective_from), None)
        if same is None:
            siblings.append(PriceRow(**_fields(new), effective_until=FOREVER))
            touched.add(new.key)
            starts.append(new.effective_from)
        elif (same.price, same.per) != (new.price, new.per):
            raise PriceDiffers(new, same)
        else:
            kept += 1
    _chain([known[key] for key in touched])
    if starts:
        _mark_days(min(starts))
    return Loaded(len(starts), kept)


def _fields(new: PriceInput) -> dict[str, Any]:
    return asdict(new)


def _chain(families: list[list[PriceRow]]) -> None:
    """Each row ends where the next one starts. Old rows first: the new ones need their room."""
    for rows in families:
        rows.sort(key=lambda row: row.effective_from)
        for row, following in pairwise(rows):
            row.effective_until = following.effective_from
    everything = [row for rows in families for row in rows]
    for row in everything:
        if row.pk:
            row.save(update_fields=["effective_until"])
    PriceRow.objects.bulk_create([row for row in everything if not row.pk])


def _mark_days(since: datetime) -> None:
    """Days with cost lines that the new prices may change are worked out again."""
    zone = finance_zone()
    lines = CostLine.objects.filter(day__gte=day_of(since, zone)).order_by("day")
    days = lines.values_list("day", flat=True).distinct()
    TouchedHour.objects.bulk_create([TouchedHour(hour=day_window(day, zone).start) for day in days])


def _key_of(row: PriceRow) -> tuple[str, ...]:
    return tuple(getattr(row, name) for name in KEY)
