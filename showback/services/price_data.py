"""The price table and the provisioned models that ship with Headroom, as files with their sources.

`prices.csv` is what `load_prices` puts into the database; `ptu_models.csv` is read as it is
(`showback.selectors.ptu_models`).
"""

import csv
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from showback.services.prices import PriceInput

DATA = Path(__file__).resolve().parent.parent / "data"
PRICE_COLUMNS = (
    "model_name",
    "model_version",
    "sku_name",
    "service_tier",
    "region_scope",
    "meter",
    "effective_from",
    "price",
    "per",
    "currency",
    "source",
    "source_date",
    "confidence",
    "note",
)
PTU_COLUMNS = (
    "model",
    "version",
    "input_tpm_per_ptu",
    "weight_input",
    "weight_cached_input",
    "weight_output",
    "gdz_min_ptu",
    "gdz_increment_ptu",
    "regional_min_ptu",
    "regional_increment_ptu",
    "source",
    "source_date",
)


def shipped_prices(path: Path = DATA / "prices.csv") -> list[PriceInput]:
    """The rows of a price file, in its order. Raises ValueError or KeyError on a malformed one."""
    with path.open(newline="", encoding="utf-8") as file:
        return [_price(row) for row in csv.DictReader(file)]


def _price(row: dict[str, str]) -> PriceInput:
    return PriceInput(
        model_name=row["model_name"],
        model_version=row["model_version"],
        sku_name=row["sku_name"],
        service_tier=row["service_tier"],
        region_scope=row["region_scope"],
        meter=row["meter"],
        effective_from=datetime.combine(
            date.fromisoformat(row["effective_from"]), datetime.min.time(), UTC
        ),
        price=Decimal(row["price"]),
        per=int(row["per"]),
        currency=row["currency"],
        source=row["source"],
        source_date=date.fromisoformat(row["source_date"]),
        confidence=row["confidence"],
        note=row["note"],
    )
