"""Rebuilds `showback/data/*.csv` from a folder of collected price tables (maintainers only).

    ./headroom manage convert_prices FOLDER

The folder holds `payg_prices.csv`, `ptu_prices.csv` and `ptu_models.csv`. Taken over are standard
and batch prices for short contexts that are verified by a copy of Azure's retail prices or of its
documentation; everything else stays out, so that it becomes an unpriced line and not a guess.
"""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from showback.services.price_data import DATA, PRICE_COLUMNS, PTU_COLUMNS

ASSUMED_START = "2026-01-01"
ASSUMED_NOTE = "start not stated by the source: assumed"
TOKEN_METERS = {
    "input": "input_per_1m",
    "cached_input": "cached_input_per_1m",
    "output": "output_per_1m",
}
SCOPES = {"any": [""], "all commercial regions": [""], "US regions": ["zone:us"]}
SCOPES["eastus2 (US)"] = ["zone:us"]
DATED_MODELS = ("gpt-4o-", "gpt-35-turbo-")  # the name carries the version: gpt-4o-2024-05-13

Row = dict[str, str]


class Command(BaseCommand):
    help = "Rebuild showback/data from collected price tables."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)

    def handle(self, *, folder: Path, **options: Any) -> None:
        prices: dict[tuple[str, ...], Row] = {}
        for row in [*token_prices(folder), *ptu_prices(folder)]:
            # The first row of a key wins: the readers put the better source first.
            prices.setdefault(tuple(row[name] for name in PRICE_COLUMNS[:7]), row)
        self._write("prices.csv", PRICE_COLUMNS, list(prices.values()))
        self._write("ptu_models.csv", PTU_COLUMNS, list(ptu_models(folder)))

    def _write(self, name: str, columns: tuple[str, ...], rows: list[Row]) -> None:
        with (DATA / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, lineterminator="\n", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
        self.stdout.write(f"{name}: {len(rows)} rows")


def token_prices(folder: Path) -> Iterator[Row]:
    for row in _rows(folder / "payg_prices.csv"):
        verified = row["verified"].startswith("yes")
        if not verified or row["service_tier"] not in ("standard", "batch"):
            continue
        if row["context_band"].startswith("long"):
            continue  # the metrics do not tell long prompts apart
        for scope in _scopes(row["region_scope"]):
            for meter, column in TOKEN_METERS.items():
                if row[column]:
                    yield _price(row, scope, meter, row[column], row["verified"])


def _price(row: Row, scope: str, meter: str, price: str, confidence: str) -> Row:
    name, version = _name_and_version(row["model"])
    notes = [row["note"], ASSUMED_NOTE]
    return {
        "model_name": name,
        "model_version": version,
        "sku_name": row["deployment_type"],
        "service_tier": row["service_tier"],
        "region_scope": scope,
        "meter": meter,
        "effective_from": ASSUMED_START,
        "price": price,
        "per": "1000000",
        "currency": row["currency"],
        "source": row["source"],
        "source_date": row["source_date"],
        "confidence": confidence,
        "note": "; ".join(filter(None, notes)),
    }


def ptu_prices(folder: Path) -> Iterator[Row]:
    """Hourly rates; rows that state their start come first, as they cover the others."""
    rows = [row for row in _rows(folder / "ptu_prices.csv") if row["price_type"] == "hourly"]
    dated = [row for row in rows if row["effective_from"]]
    covered = {(row["deployment_type"], s) for row in dated for s in _scopes(row["regions"])}
    for row in rows:
        for scope in _scopes(row["regions"]):
            key = row["deployment_type"]
            if not row["effective_from"] and ((key, scope) in covered or (key, "") in covered):
                continue
            yield {
                **dict.fromkeys(("model_name", "model_version"), ""),
                "sku_name": row["deployment_type"],
                "service_tier": "standard",
                "region_scope": scope,
                "meter": "ptu_hour",
                "effective_from": row["effective_from"] or ASSUMED_START,
                "price": row["price"],
                "per": "1",
                "currency": row["currency"],
                "source": row["source"],
                "source_date": row["source_date"],
                "confidence": row["confidence"],
                "note": "; ".join(
                    filter(None, [row["note"], "" if row["effective_from"] else ASSUMED_NOTE])
                ),
            }


def ptu_models(folder: Path) -> Iterator[Row]:
    """Models with known weights for input and output; the others cannot be sized."""
    for row in _rows(folder / "ptu_models.csv"):
        if row["status"] == "current" and row["weight_output"]:
            yield {key: "" if value == "NA" else value for key, value in row.items()}


def _name_and_version(model: str) -> tuple[str, str]:
    for prefix in DATED_MODELS:
        rest = model.removeprefix(prefix)
        if rest != model and rest[:1].isdigit():
            return prefix.rstrip("-"), rest
    return model, ""


def _scopes(text: str) -> list[str]:
    if text in SCOPES:
        return SCOPES[text]
    if "," in text:
        return [scope for part in text.split(",") for scope in _scopes(part.strip())]
    if "(" in text:
        raise ValueError(f"unknown region scope: {text}")
    return text.split()


def _rows(path: Path) -> list[Row]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
