"""Times in which the service grants less than the capacity stands for.

Azure may lower the effective limit of a standard deployment for a while; ARM does not show it and
no metric says it. Tests and worlds of incidents make it happen through the control API.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.clock import MINUTES_PER_DAY, SECONDS_PER_MINUTE, iso_of_minute, parse_time
from simulator.hashing import Floats, Ints


@dataclass(frozen=True)
class Lowered:
    """In ``[start, end)``, epoch minutes, the limits of ``key`` are ``factor`` of themselves."""

    key: str
    start: int
    end: int
    factor: float


class LoweredLimits:
    """All of them; what is lowered twice takes the lower factor."""

    def __init__(self, stored: list[dict[str, Any]] | None = None) -> None:
        self._rows = [
            Lowered(row["deployment"], row["from"], row["until"], row["factor"])
            for row in stored or []
        ]

    def as_json(self) -> list[dict[str, Any]]:
        """What the state folder keeps."""
        return [
            {"deployment": e.key, "from": e.start, "until": e.end, "factor": e.factor}
            for e in self._rows
        ]

    def described(self) -> list[dict[str, Any]]:
        """What the control API answers: the same with times that people read."""
        return [
            {**row, "from": iso_of_minute(row["from"]), "until": iso_of_minute(row["until"])}
            for row in self.as_json()
        ]

    def add(self, key: str, start: str, end: str, factor: object) -> None:
        """Lower the limits of a deployment. Raises ValueError with a sentence."""
        if not isinstance(factor, int | float) or isinstance(factor, bool) or not 0 <= factor <= 1:
            raise ValueError(f"factor is a number from 0 to 1, got {factor!r}.")
        first, last = (int(parse_time(text).timestamp()) for text in (start, end))
        if first % SECONDS_PER_MINUTE or last % SECONDS_PER_MINUTE:
            raise ValueError("from and until are whole minutes.")
        if last <= first:
            raise ValueError("until must be later than from.")
        row = Lowered(key, first // SECONDS_PER_MINUTE, last // SECONDS_PER_MINUTE, float(factor))
        self._rows.append(row)

    def clear(self) -> None:
        """Everything is granted again, in the past too."""
        self._rows.clear()

    def of_day(self, key: str, day: int) -> tuple[Lowered, ...]:
        """What touches an epoch day of a deployment; equal rows give equal traffic."""
        first = day * MINUTES_PER_DAY
        return tuple(
            each
            for each in self._rows
            if each.key == key and each.start < first + MINUTES_PER_DAY and each.end > first
        )


def granted(rows: tuple[Lowered, ...], minutes: Ints) -> Floats:
    """The share of its limits a deployment has in each epoch minute, 1 being all."""
    shares = np.ones(minutes.size)
    for each in rows:
        inside = (minutes >= each.start) & (minutes < each.end)
        shares = np.where(inside, np.minimum(shares, each.factor), shares)
    return shares
