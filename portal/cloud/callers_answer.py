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
        self._codes: dict[CallerKey, int] = {}
        # One block for all keys: (keys, measures, minutes).
        self._counts = np.zeros((0, len(CALLER_MEASURES), self.minutes), dtype=np.int64)
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
        counts = [
            _whole_numbers(columns[COLUMN_OF_MEASURE[each]], each) for each in CALLER_MEASURES
        ]
        stamps = columns[MINUTE_COLUMN]
        # A few distinct values stand in many rows: each is read once.
        slot_of = {each: slots.get(str(each)[:TIMESTAMP_CHARACTERS], -1) for each in set(stamps)}
        at = np.array([slot_of[each] for each in stamps], dtype=np.int64)
        keys = list(zip(*(columns[name] for name in KEY_COLUMNS), strict=True))
        code_of = {each: self._code(_key(*each)) for each in dict.fromkeys(keys)}
        codes = np.array([code_of[each] for each in keys], dtype=np.int64)
        self._place(codes, at, counts)
        self.received[first : first + len(slots)] = True
        self.has_answers = True

    def _code(self, key: CallerKey) -> int:
        """The key's place in the block; a new one's is made by `_place`."""
        return self._codes.setdefault(key, len(self._codes))

    def _place(self, codes: Counts, at: Counts, counts: Sequence[Counts]) -> None:
        """Rows of one minute and key add up; rows of no minute that was asked for are left out."""
        more = np.zeros((len(self._codes) - len(self._counts), *self._counts.shape[1:]), np.int64)
        self._counts = np.concatenate([self._counts, more])
        shape = (len(self._codes), self.minutes)
        inside = at >= 0
        codes, at = codes[inside], at[inside]
        cells = codes * self.minutes + at
        for place, values in enumerate(each[inside] for each in counts):
            # Sums of whole numbers are exact in float64 below 2**53.
            sums = np.bincount(cells, np.maximum(values, 0), minlength=shape[0] * shape[1])
            self._counts[:, place] += sums.astype(np.int64).reshape(shape)
            unknown = values == MISSING
            self._counts[codes[unknown], place, at[unknown]] = MISSING

    def answer(self) -> CallerAnswer:
        self._counts[:, :, ~self.received] = MISSING
        return CallerAnswer(
            window=self.window,
            series={
                key: CallerSeries(dict(zip(CALLER_MEASURES, self._counts[code], strict=True)))
                for key, code in self._codes.items()
            },
            received=self.received,
            problems=tuple(self._problems),
        )


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


def _whole_numbers(values: Sequence[Any], measure: str) -> Counts:
    """Numbers, or numbers as text, as older services send them. A null is MISSING where one may be.

    Raises ValueError or TypeError for anything else.
    """
    found = np.array(values, dtype=np.float64)  # null becomes nan
    known = np.isfinite(found)
    if measure != "filtered" and not known.all():
        raise ValueError(f"a number of {measure} is missing")
    if (found[known] < 0).any():
        raise ValueError(f"a number of {measure} is below nought")
    return np.where(known, np.rint(np.where(known, found, 0)), MISSING).astype(np.int64)
