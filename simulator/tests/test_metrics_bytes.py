"""The fast writer of points writes what the plain form would, byte for byte."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import orjson
from hypothesis import given
from hypothesis import strategies as st

from simulator.clock import iso_of_minute
from simulator.metrics_bytes import Points

FIRST = 29_543_040
numbers = st.one_of(
    st.just(math.nan),
    st.integers(0, 10**15).map(float),
    st.floats(allow_nan=False, allow_infinity=False),
)


def plainly(values: dict[str, list[float]], count: int) -> bytes:
    """One dictionary a point."""
    points: list[dict[str, Any]] = []
    for place in range(count):
        point: dict[str, Any] = {"timeStamp": iso_of_minute(FIRST + place)}
        point |= {name: row[place] for name, row in values.items() if not math.isnan(row[place])}
        points.append(point)
    return orjson.dumps(points)


@st.composite
def series(draw: st.DrawFn) -> tuple[int, dict[str, list[float]]]:
    count = draw(st.integers(0, 12))
    names = draw(st.lists(st.sampled_from(["average", "minimum", "maximum", "total"]),
                          min_size=1, max_size=4, unique=True))  # fmt: skip
    rows = st.lists(numbers, min_size=count, max_size=count)
    return count, {name: draw(rows) for name in names}


@given(st.lists(series(), min_size=1, max_size=3))
def test_points_are_written_as_orjson_writes_their_dictionaries(
    drawn: list[tuple[int, dict[str, list[float]]]],
):
    for count, _ in drawn:
        points = Points(range(FIRST, FIRST + count))  # one writer, several series
        for size, values in drawn:
            if size == count:
                arrays = {name: np.array(row, dtype=np.float64) for name, row in values.items()}
                assert points.write(arrays) == plainly(values, count)
