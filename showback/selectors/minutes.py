"""The one reader of minutes, whatever way they are stored: rows by the hour, or day blocks.

One statement reads both forms, so a compaction that ends meanwhile is seen wholly or not at all.
Bytes of arrays and of blocks go straight into numpy: a year of one measure takes some milliseconds
(`manage.py bench ingest`).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from psycopg import sql

from portal.kernel.windows import DAY, HOUR, MINUTE, Window, floor_to_day, floor_to_hour
from showback.domain import day_codec, pgcopy
from showback.domain.measures import MEASURES, MISSING
from showback.domain.provisioned import PtuModel

Ints = NDArray[np.int64]
HourKey = tuple[int, int]  # deployment, epoch seconds of the hour
LOAD_MEASURES = ("prompt", "generated", "cache_percent")  # what `load` needs
MINUTES_OF_HOUR = 60
HOUR_SECONDS = int(HOUR.total_seconds())

# `bits` is NULL for a row of an hour; a row has arrays, a block has bytes.
SQL = """
COPY (
  SELECT deployment_id, extract(epoch FROM hour)::bigint AS starts, NULL::integer AS bits, {arrays}
  FROM showback_usage_minutes
  WHERE deployment_id = ANY({{}}) AND hour >= {{}} AND hour < {{}}
  UNION ALL
  SELECT deployment_id, extract(epoch FROM day::timestamp)::bigint, hours, {blocks}
  FROM showback_usage_day_block
  WHERE deployment_id = ANY({{}}) AND day >= {{}} AND day < {{}}
) TO STDOUT (FORMAT BINARY)
"""


class Stored(NamedTuple):
    """A row of either form. `bits`: the hours of a day block; None for a row of one hour."""

    deployment: int
    starts: int  # epoch seconds
    bits: int | None
    packed: Sequence[bytes | None]

    def put(self, position: int, target: Ints, first: int) -> None:
        """The measure at `position` into its place of `target`, which begins at second `first`.

        Each minute plus one, so that 0 is a gap: one is taken off all of them at once.
        """
        offset, packed = (self.starts - first) // 60, self.packed[position]
        if packed is None:
            return
        if self.bits is not None:
            day_codec.put_into(target, offset, packed)
            return
        begin, end = max(offset, 0), min(offset + MINUTES_OF_HOUR, len(target))
        values = pgcopy.int_array(packed, missing=MISSING)
        target[begin:end] = values[begin - offset : end - offset] + 1

    def hours(self) -> Iterator[tuple[HourKey, Ints]]:
        """Each hour that there is of it, as (measures, 60)."""
        whole = day_codec.HOURS if self.bits is not None else 1
        values = np.zeros((len(self.packed), whole * MINUTES_OF_HOUR), dtype=np.int64)
        for position, row in enumerate(values):
            self.put(position, row, self.starts)
        values -= 1
        for hour in (0,) if self.bits is None else day_codec.hours_of(self.bits):
            minutes = slice(hour * MINUTES_OF_HOUR, (hour + 1) * MINUTES_OF_HOUR)
            yield (self.deployment, self.starts + hour * HOUR_SECONDS), values[:, minutes]


def stored(ids: Sequence[int], window: Window, measures: Sequence[str]) -> Iterator[Stored]:
    """Rows of both forms that touch the window; read them all before anything else is asked."""
    arrays = [f"{name}, NULL::bytea" for name in measures]
    blocks = [f"NULL::{_array_type(name)}, {name}" for name in measures]
    text = SQL.format(arrays=", ".join(arrays), blocks=", ".join(blocks))
    hours = (floor_to_hour(window.start), window.end)
    days = (floor_to_day(window.start).date(), floor_to_day(window.end + DAY - MINUTE).date())
    with connection.cursor() as cursor, cursor.copy(_filled(text, ids, *hours, ids, *days)) as copy:
        # The bytes of an array as they are: psycopg would make a list of each.
        copy.set_types(["int8", "int8", "int4", *["bytea"] * (2 * len(measures))])
        for deployment, starts, bits, *packed in copy.rows():
            yield Stored(deployment, starts, bits, packed[0 if bits is None else 1 :: 2])


def _filled(text: str, *values: object) -> str:
    """The statement with its values in it: COPY takes no parameters."""
    literals = [sql.Literal(value) for value in values]
    return sql.SQL(text).format(*literals).as_string(connection.connection)


def read_hours(ids: Iterable[int], window: Window) -> dict[HourKey, Ints]:
    """Every hour of these deployments that is stored, as (MEASURES, 60)."""
    found = stored(list(ids), window, MEASURES)
    inside = range(int(floor_to_hour(window.start).timestamp()), int(window.end.timestamp()))
    return {key: values for row in found for key, values in row.hours() if key[1] in inside}


def read_minutes(
    deployment_ids: Iterable[int], window: Window, measures: Sequence[str]
) -> dict[int, dict[str, Ints]]:
    """Per deployment and measure one element for each minute of the window; MISSING is a gap.

    The window must begin and end on whole minutes. Deployments without a row have only gaps, in
    arrays that cannot be written to (`is_all_gaps`).
    """
    ids, slots = list(deployment_ids), int(window.length / MINUTE)
    first = int(window.start.timestamp())
    rows = list(stored(ids, window, measures))
    found = {
        deployment: {name: np.zeros(slots, dtype=np.int64) for name in measures}
        for deployment in {row.deployment for row in rows}
    }
    for position, name in enumerate(measures):
        for row in _put_whole(rows, position, name, found, first):
            row.put(position, found[row.deployment][name], first)
    for minutes in (each for by_measure in found.values() for each in by_measure.values()):
        minutes -= 1
    gaps = dict.fromkeys(measures, np.broadcast_to(np.int64(MISSING), slots))
    return {deployment: found.get(deployment, gaps) for deployment in ids}


def is_all_gaps(values: Mapping[str, Ints]) -> bool:
    """Whether `read_minutes` found no row of it: one element stands for every minute."""
    return all(each.strides == (0,) for each in values.values())


def _put_whole(
    rows: Sequence[Stored],
    position: int,
    name: str,
    found: dict[int, dict[str, Ints]],
    first: int,
) -> list[Stored]:
    """Puts every hour that lies in the window and has all its minutes, plus one; answers the other
    rows.
    """
    size = 2 if _array_type(name) == "smallint[]" else 4
    length = pgcopy.whole_length(MINUTES_OF_HOUR, size)
    by_deployment: dict[int, list[tuple[int, bytes]]] = defaultdict(list)
    left = []
    for row in rows:
        offset, packed = (row.starts - first) // 60, row.packed[position]
        inside = 0 <= offset <= len(found[row.deployment][name]) - MINUTES_OF_HOUR
        if row.bits is None and packed is not None and len(packed) == length and inside:
            by_deployment[row.deployment].append((offset, packed))
        else:
            left.append(row)
    for deployment, hours in by_deployment.items():
        places = np.array([offset for offset, _ in hours])[:, None] + np.arange(MINUTES_OF_HOUR)
        values = pgcopy.whole_arrays([packed for _, packed in hours], MINUTES_OF_HOUR, size)
        found[deployment][name][places] = values + 1
    return left


def _array_type(measure: str) -> str:
    return "smallint[]" if measure.endswith("_percent") else "integer[]"


def tokens_per_minute(values: dict[str, Ints]) -> Ints:
    """Prompt + generated of each minute; a gap where either is one."""
    prompt, generated = values["prompt"], values["generated"]
    known = (prompt != MISSING) & (generated != MISSING)
    return np.where(known, prompt + generated, MISSING)


def load(values: dict[str, Ints], model: PtuModel | None) -> Ints:
    """Tokens of each minute in the unit of capacity: weighted for a known model, else plain."""
    tokens = tokens_per_minute(values)
    if model is None:
        return tokens
    rate = np.clip(values["cache_percent"], 0, 100)  # a gap counts as nothing cached
    cached = values["prompt"] * rate // 100
    weighted = (
        (values["prompt"] - cached) * float(model.input_weight)
        + cached * float(model.cached_input_weight)
        + values["generated"] * float(model.output_weight)
    )
    return np.where(tokens == MISSING, MISSING, np.rint(weighted).astype(np.int64))
