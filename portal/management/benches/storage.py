"""How large minutes are as rows and as day blocks, and how long a year of them takes to read."""

from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
from django.db import connection, transaction
from numpy.typing import NDArray

from portal.kernel.windows import DAY, Window
from portal.management.benches.sandbox import say
from showback.domain.measures import MEASURES, OLDER
from showback.domain.minutes import expected_minutes, hour_starts, sums_of_minutes
from showback.models import Grain
from showback.selectors.minutes import read_minutes
from showback.services.compaction import compact
from showback.services.partitions import BLOCKS, MINUTES, month_of, name_of
from showback.services.usage_rows import UsageRows
from showback.services.usage_store import store

SIZED, SIZED_DAYS = 30, 28  # deployments and days of February
SIZED_FROM = datetime(1999, 2, 1, tzinfo=UTC)
YEAR_FROM, YEAR = datetime(1997, 1, 1, tzinfo=UTC), 365
ONE = 9_000_000_000  # the deployment of which a year is read
REPEATS = 15


def sizes_and_reading() -> dict[str, Any]:
    say("sizes of minutes, and a year of them")
    rows, blocks = _sizes()
    per_year = YEAR / SIZED / SIZED_DAYS
    return {
        "bytes_per_deployment_year_before": round(rows * per_year),
        "bytes_per_deployment_year_after": round(blocks * per_year),
        "service_year_ms": round(_read_a_year() * 1000, 1),
    }


def _sizes() -> tuple[int, int]:
    """Bytes of a month of minutes with its index, before and after compaction."""
    ids, month = np.arange(1, SIZED + 1), month_of(SIZED_FROM)
    store_minutes(ids, Window(SIZED_FROM, SIZED_FROM + SIZED_DAYS * DAY))
    before = _size(name_of(MINUTES, month))
    compact(at=SIZED_FROM + 60 * DAY)
    return before, _size(name_of(BLOCKS, month))


def _read_a_year() -> float:
    window = Window(YEAR_FROM, YEAR_FROM + YEAR * DAY)
    store_minutes(np.array([ONE]), window)
    compact(at=window.end + 60 * DAY)
    times = []
    for _ in range(REPEATS):
        began = perf_counter()
        found = read_minutes([ONE], window, ["prompt"])[ONE]["prompt"]
        times.append(perf_counter() - began)
    if (found < 0).any():
        raise ValueError("the year that was read has gaps that were not written")
    return median(times)


def _size(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [table])
        return int(cursor.fetchone()[0])


def store_minutes(ids: NDArray[np.int64], window: Window) -> None:
    """Office hours and quiet nights, from a busy deployment to one that is hardly used."""
    hours, draw = hour_starts(window), np.random.default_rng(7)
    minute = hours[:, None] // 60 + np.arange(60)
    office = np.clip(np.sin((minute % 1440 - 480) / 600 * np.pi), 0, None)
    shape = 0.1 + 0.9 * office * ((minute // 1440 + 3) % 7 < 5)
    for position, deployment in enumerate(ids):
        requests = draw.poisson(shape * (20, 2, 0.1)[position % 3])
        values = np.zeros((len(hours), len(MEASURES), 60), dtype=np.int64)
        values[:, MEASURES.index("ok")] = requests
        values[:, MEASURES.index("prompt")] = requests * draw.integers(400, 2_000, requests.shape)
        values[:, MEASURES.index("generated")] = requests * draw.integers(20, 600, requests.shape)
        rate = np.where(requests > 0, draw.integers(0, 60, requests.shape), -1)
        values[:, MEASURES.index("cache_percent")] = rate
        for seldom in ("utilisation_percent", "priority", "active"):
            values[:, MEASURES.index(seldom)] = -1
        expected = expected_minutes(hours, window.end + timedelta(days=1))
        with transaction.atomic():
            store(
                UsageRows(
                    Grain.MINUTE.value, np.full(len(hours), deployment), hours, values,
                    sums_of_minutes(values, expected), np.zeros(len(hours), dtype=bool),
                    np.full(len(hours), OLDER),
                )
            )  # fmt: skip
