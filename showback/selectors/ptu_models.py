"""What one PTU of a model serves: `showback/data/ptu_models.csv`, with its source and date."""

import csv
from decimal import Decimal
from functools import cache
from pathlib import Path

from showback.domain.provisioned import PtuModel

FILE = Path(__file__).resolve().parent.parent / "data" / "ptu_models.csv"


@cache
def ptu_models() -> dict[str, PtuModel]:
    """By model name in lower case. A model that is not here has no published weights."""
    with FILE.open(newline="", encoding="utf-8") as file:
        return {row["model"].lower(): _ptu_model(row) for row in csv.DictReader(file)}


def _ptu_model(row: dict[str, str]) -> PtuModel:
    return PtuModel(
        input_tokens_per_minute_per_unit=int(row["input_tpm_per_ptu"]),
        input_weight=Decimal(row["weight_input"]),
        cached_input_weight=Decimal(row["weight_cached_input"] or 0),
        output_weight=Decimal(row["weight_output"]),
    )
