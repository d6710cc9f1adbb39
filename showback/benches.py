"""`manage.py bench ingest`: how fast a day of minutes becomes rows.

Everything runs in one transaction that is rolled back, on synthetic minutes of deployments that are
made for it: no data of the installation is read or changed.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from django.db import transaction

from portal.kernel.windows import DAY, Window
from showback.domain.measures import MEASURES
from showback.domain.minutes import expected_minutes, hour_starts, sums_of_minutes
from showback.models import Grain
from showback.services.usage_rows import UsageRows, hour_stream, minute_streams
from showback.services.usage_store import store

START = datetime(2001, 1, 1, tzinfo=UTC)  # no partition of real data lies there
FIRST_ID = 9_000_000_000
SETTLED_LATER = START + 30 * DAY


def bench_ingest(quick: bool) -> dict[str, Any]:
    """Medians of storing one day of minutes: first, again, and with every hour changed."""
    deployments, repeats = (60, 3) if quick else (1_000, 5)
    rows, changed = _rows(deployments, seed=1), _rows(deployments, seed=2)
    points = deployments * 1440 * len(MEASURES)
    timings: dict[str, list[float]] = {}
    for _ in range(repeats):
        with _rolled_back():
            _time(timings, "stored for the first time", lambda: store(rows))
            _time(timings, "pulled again, nothing new", lambda: store(rows))
            _time(timings, "every hour replaced", lambda: store(changed))
        _time(timings, "of it: bytes for COPY", lambda: _encode(rows))
    return {
        "deployments": deployments,
        "hours": len(rows),
        "points": points,
        "rows": [_line(step, found, points) for step, found in timings.items()],
    }


def _line(step: str, seconds: list[float], points: int) -> dict[str, Any]:
    middle = median(seconds)
    return {
        "step": step,
        "median ms": round(middle * 1000, 1),
        "million points a second": round(points / middle / 1e6, 1),
    }


def _rows(deployments: int, *, seed: int) -> UsageRows:
    """One day of every deployment, with pay-as-you-go's gap in the utilisation."""
    hours = hour_starts(Window(START, START + DAY))
    count = deployments * len(hours)
    values = np.random.default_rng(seed).integers(0, 5_000, (count, len(MEASURES), 60))
    values[:, MEASURES.index("cache_percent")] %= 100
    values[:, MEASURES.index("utilisation_percent")] = -1
    row_hours = np.tile(hours, deployments)
    return UsageRows(
        Grain.MINUTE.value,
        np.repeat(np.arange(FIRST_ID, FIRST_ID + deployments), len(hours)),
        row_hours,
        values,
        sums_of_minutes(values, expected_minutes(row_hours, SETTLED_LATER)),
        np.zeros(count, dtype=bool),
    )


def _encode(rows: UsageRows) -> int:
    return len(hour_stream(rows, rows.hashes())) + sum(
        map(len, minute_streams(rows.deployments, rows.hours, rows.values))
    )


def _time(timings: dict[str, list[float]], step: str, run: Callable[[], object]) -> None:
    began = perf_counter()
    run()
    timings.setdefault(step, []).append(perf_counter() - began)


@contextmanager
def _rolled_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
