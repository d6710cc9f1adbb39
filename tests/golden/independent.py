"""The golden path's second opinion: plain arithmetic over the trace CSV and the price CSV.

Nothing here uses code of the portal or of the simulator: requests are admitted one by one as the
documentation of Azure's limits describes it, and money is multiplied by hand.
"""

import csv
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path


@dataclass
class Minute:
    """What one minute should have seen."""

    served: int = 0
    throttled: int = 0
    prompt: int = 0
    generated: int = 0


def requests_by_minute(
    trace: Path, first_minute: datetime
) -> dict[datetime, list[tuple[int, int]]]:
    """(prompt, generated) of every request, by the minute it falls on once the trace is moved."""
    found: dict[datetime, list[tuple[int, int]]] = defaultdict(list)
    moved_by: timedelta | None = None
    with trace.open(newline="") as file:
        for row in csv.DictReader(file):
            minute = datetime.fromisoformat(row["TIMESTAMP"][:16] + ":00+00:00")
            moved_by = first_minute - minute if moved_by is None else moved_by
            sizes = int(row["ContextTokens"]), int(row["GeneratedTokens"])
            found[minute + moved_by].append(sizes)
    return dict(found)


def admit(requests: list[tuple[int, int]], *, tokens: int, limit: int) -> Minute:
    """A counter of tokens, reset each minute: at or above its limit, or over `limit` requests,
    429.
    """
    minute, counter = Minute(), 0
    for number, (prompt, generated) in enumerate(requests):
        if counter < tokens and number < limit:
            minute.served += 1
            minute.prompt += prompt
            minute.generated += generated
        else:
            minute.throttled += 1
        counter += prompt + generated
    return minute


def prices_of(file: Path, *, model: str, sku: str) -> dict[str, Decimal]:
    """USD per token by meter, from the shipped price CSV; rows that hold everywhere."""
    with file.open(newline="") as rows:
        return {
            row["meter"]: Decimal(row["price"]) / int(row["per"])
            for row in csv.DictReader(rows)
            if (row["model_name"], row["sku_name"]) == (model, sku)
            and (row["service_tier"], row["region_scope"]) == ("standard", "")
        }
