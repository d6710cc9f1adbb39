"""Turns the tables of Log Analytics into arrays per caller, quickly and without guessing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import MINUTE, Window, floor_to_minute, steps
from showback.gateway import CALLER_MEASURES, MISSING, CallerAnswer, CallerKey, CallerSeries

MINUTE_COLUMN = "Minute"
KEY_COLUMNS = ("Caller", "Product", "AccountHost", "Deployment")
COLUMN_OF_MEASURE = {
    "ok": "Ok",
    "throttled": "Throttled",
    "throttled_by_gateway": "ThrottledByGateway",
    "filtered": "Filtered",
    "other": "Other",
    "prompt": "Prompt",
    "generated": "Generated",
}
# "2026-01-01T00:00": all that names a minute, whatever follows.
TIMESTAMP_CHARACTERS = 16

Counts = NDArray[np.int64]


class CallerTally:
    """Collects the answers of one pull. Raises ValueError when the window has no whole minutes."""

    def __init__(self, window: Window) -> None:
        if floor_to_minute(window.start) != window.start or window.length % MINUTE:
            raise ValueError(f"{window} is not made of whole minutes")
        self.window = window
        self.minutes = window.length // MINUTE
        self.received = np.zeros(self.minutes, dtype=np.bool_)
        self.has_answers = False  # a partial one counts
        self._arrays: dict[CallerKey, dict[str, Counts]] = {}
        self._problems: list[str] = []

    def note(self, problem: str) -> None:
        """A sentence about minutes that stay unknown."""
        if problem not in self._problems:
            self._problems.append(problem)

    def add(self, part: Window, body: Mapping[str, Any]) -> None:
        """Takes in one whole answer; its minutes are received. Nothing of it when it is garbled.

        Raises LookupError, TypeError or ValueError for an answer of another shape.
        """
        first = (part.start - self.window.start) // MINUTE
        slots = {f"{at:%Y-%m-%dT%H:%M}": first + n for n, at in enumerate(steps(part, MINUTE))}
        table = _primary(body)
        columns = _columns(table, (MINUTE_COLUMN, *KEY_COLUMNS, *COLUMN_OF_MEASURE.values()))
        at = [slots.get(str(stamp)[:TIMESTAMP_CHARACTERS], -1) for stamp in columns[MINUTE_COLUMN]]
        keys = [
            _key(*parts) for parts in zip(*(columns[name] for name in KEY_COLUMNS), strict=True)
        ]
        counts = {
            measure: _whole_numbers(columns[name], name, nullable=measure == "filtered")
            for measure, name in COLUMN_OF_MEASURE.items()
        }
        self._place(np.array(at, dtype=np.int64), keys, counts)
        self.received[first : first + len(slots)] = True
        self.has_answers = True

    def _place(self, at: Counts, keys: Sequence[CallerKey], counts: Mapping[str, Counts]) -> None:
        """Rows of one minute and key add up; rows of no minute that was asked for are left out."""
        names = list(dict.fromkeys(keys))
        code = {key: number for number, key in enumerate(names)}
        cells = np.array([code[key] for key in keys], dtype=np.int64) * self.minutes + at
        inside = at >= 0
        cells, size = cells[inside], len(names) * self.minutes
        for measure in CALLER_MEASURES:
            values = counts[measure][inside]
            # Sums of whole numbers are exact in float64 below 2**53.
            sums = np.bincount(cells, weights=np.maximum(values, 0), minlength=size)
            whole = sums.astype(np.int64)
            whole[cells[values == MISSING]] = MISSING
            for number, key in enumerate(names):
                mine = whole[number * self.minutes : (number + 1) * self.minutes]
                here = self._arrays_of(key)[measure]
                np.copyto(here, mine, where=mine != 0)

    def answer(self) -> CallerAnswer:
        for arrays in self._arrays.values():
            for values in arrays.values():
                values[~self.received] = MISSING
        return CallerAnswer(
            window=self.window,
            series={key: CallerSeries(arrays) for key, arrays in self._arrays.items()},
            received=self.received,
            problems=tuple(self._problems),
        )

    def _arrays_of(self, key: CallerKey) -> dict[str, Counts]:
        if key not in self._arrays:
            self._arrays[key] = {
                measure: np.zeros(self.minutes, dtype=np.int64) for measure in CALLER_MEASURES
            }
        return self._arrays[key]


def _primary(body: Mapping[str, Any]) -> Mapping[str, Any]:
    tables = body["tables"]
    named = [table for table in tables if table.get("name") == "PrimaryResult"]
    table: Mapping[str, Any] = (named or tables)[0]
    return table


def _columns(table: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Sequence[Any]]:
    """The columns by name; `rows` that are missing are an answer that means nothing."""
    places = {column["name"]: place for place, column in enumerate(table["columns"])}
    rows = table["rows"]
    if not isinstance(rows, list):
        raise TypeError(f"rows were expected, not a {type(rows).__name__}")
    if rows and {len(row) for row in rows} != {len(places)}:
        raise ValueError("rows are not as long as there are columns")
    turned: Sequence[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * len(places)
    return {name: turned[places[name]] for name in wanted}


def _key(caller: Any, product: Any, account_host: Any, deployment: Any) -> CallerKey:
    return CallerKey(
        str(caller or ""),
        str(product or ""),
        str(account_host or "").lower(),
        str(deployment or "").lower(),
    )


def _whole_numbers(values: Sequence[Any], name: str, *, nullable: bool) -> Counts:
    """Numbers, or numbers as text, as older services send them; null is MISSING where it may be."""
    found = np.array([None if value == "" else value for value in values], dtype=np.float64)
    known = np.isfinite(found)
    if not nullable and not known.all():
        raise ValueError(f"column {name} holds something else than numbers")
    if (found[known] < 0).any():
        raise ValueError(f"column {name} holds a number below nought")
    return np.where(known, np.rint(np.where(known, found, 0)), MISSING).astype(np.int64)
