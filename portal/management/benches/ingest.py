"""`manage.py bench ingest`: from the bytes of `metrics:getBatch` to committed rows and watermark.

One call is 50 accounts × 20 deployments × 60 minutes × 5 metrics (300,000 points, in the three
bodies that the portal asks for). Beside it, in the same run: orjson alone on the same bytes, a bare
COPY of rows that are ready, and a fifth of the work through the SDK's own objects. Then how large
minutes are before and after compaction, and how long a year of them takes into numpy. All of it in
tables of its own (`sandbox`).
"""

import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from time import perf_counter
from typing import Any

import orjson
from django.db import connection, transaction

from portal.cloud.metrics import MOST_SERIES
from portal.cloud.metrics_answer import UsageTally
from portal.cloud.metrics_bytes import read_body
from portal.cloud.metrics_names import QUERIES
from portal.cloud.metrics_objects import answer_by_objects
from portal.kernel.windows import DAY, HOUR, MINUTE, Window
from portal.management.benches.azure_bodies import ACCOUNTS, DEPLOYMENTS, Bodies
from portal.management.benches.sandbox import own_tables, say
from portal.management.benches.storage import sizes_and_reading
from quotas.selectors.metering import MeteredDeployment
from showback.gateway import MetricsAnswer
from showback.services import usage_pull
from showback.services.compaction import compact_day
from showback.services.copying import copy_stream
from showback.services.partitions import MINUTES, ensure_partitions, month_of, name_of
from showback.services.usage_answer import rows_of
from showback.services.usage_pull import pull_region
from showback.services.usage_rows import HOUR_COLUMNS, MINUTE_COLUMNS, hour_stream, minute_streams

START = datetime(2001, 1, 1, tzinfo=UTC)
FLOOR = datetime(2000, 1, 1, tzinfo=UTC)  # the month into which ready rows are copied
POINTS = ACCOUNTS * DEPLOYMENTS * 60 * 5  # of one call
COMPARED = 30  # calls that are also measured against the floor

Seconds = dict[str, list[float]]


def bench_ingest(quick: bool) -> dict[str, Any]:
    """Quick: ten calls. Else 93 days of every hour, each day compacted when it is over."""
    bodies, calls = Bodies(ACCOUNTS), 10 if quick else 93 * 24
    source = BytesSource(bodies)
    seconds: Seconds = {"ours": [], "orjson": [], "copy": []}
    with own_tables(), source.in_place():
        for number in range(calls):
            _call(source, number, seconds)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        seconds["objects"] = [_by_objects(calls)]
        storage = sizes_and_reading()
    return _result(seconds, calls, peak) | storage


def _result(seconds: Seconds, calls: int, peak: float) -> dict[str, Any]:
    took = {name: median(values) for name, values in seconds.items()}
    floor = took["copy"] + took["orjson"]
    names = {
        "ours": "bytes to committed rows and watermark",
        "orjson": "orjson alone",
        "copy": "COPY of ready rows alone",
        "objects": "the same through the SDK's objects",
    }
    return {
        "calls": calls,
        "points_per_call": POINTS,
        "rows": [{"step": names[name], "median ms": round(took[name] * 1000, 1)} for name in names],
        "times_faster_than_sdk_objects": round(took["objects"] / took["ours"], 1),
        "times_of_floor": round(took["ours"] / floor, 2),
        "points_per_s": round(POINTS / took["ours"]),
        "peak_mib": round(peak),
    }


def _call(source: "BytesSource", number: int, seconds: Seconds) -> None:
    window = Window(START + number * HOUR, START + (number + 1) * HOUR)
    source.prepare(window)
    began = perf_counter()
    pull_region("bench", "bench", source.deployments, window, MINUTE, at=window.end + DAY)
    seconds["ours"].append(perf_counter() - began)
    if number < COMPARED:
        began = perf_counter()
        for body in source.bytes:
            orjson.loads(body)
        seconds["orjson"].append(perf_counter() - began)
        seconds["copy"].append(_bare_copy(source, window))
    if window.end.hour == 0:
        say(f"{(number + 1) // 24} days, {median(seconds['ours']) * 1000:.0f} ms a call")
        compact_day(window.start.date())
        with connection.cursor() as cursor:  # room for the next day's rows
            cursor.execute(f"VACUUM {name_of(MINUTES, month_of(window.start))}")


def _bare_copy(source: "BytesSource", window: Window) -> float:
    """Seconds for the same rows of another hour, made before the clock runs."""
    rows = rows_of(source.answer(window), source.deployments, at=window.end + DAY)
    hours = rows.hours - int((window.start - FLOOR) / timedelta(seconds=1))
    minutes = minute_streams(rows.deployments, hours, rows.values)
    hour = hour_stream(rows, rows.hashes(), hours)
    ensure_partitions([FLOOR])
    began = perf_counter()
    with transaction.atomic():
        copy_stream("showback_usage_hour", HOUR_COLUMNS, hour)
        for stream in minutes:
            copy_stream(MINUTES, MINUTE_COLUMNS, stream)
    took = perf_counter() - began
    with connection.cursor() as cursor:
        for table in ("showback_usage_hour", MINUTES):
            cursor.execute(f"TRUNCATE {name_of(table, month_of(FLOOR))}")
    return took


def _by_objects(number: int) -> float:
    """Seconds for which the SDK makes its objects, of a fifth of a call, times five: a whole one
    takes it still longer.
    """
    source = BytesSource(Bodies(ACCOUNTS // 5), by_objects=True)
    window = Window(START + number * HOUR, START + (number + 1) * HOUR)
    source.prepare(window)
    say("a fifth of a call through the SDK's objects (some seconds)")
    with source.in_place():
        began = perf_counter()
        pull_region("bench", "objects", source.deployments, window, MINUTE, at=window.end + DAY)
        return 5 * (perf_counter() - began)


class BytesSource:
    """A `UsageSource` whose answers are in memory as bytes."""

    def __init__(self, bodies: Bodies, *, by_objects: bool = False) -> None:
        self.bodies, self.by_objects = bodies, by_objects
        self.bytes: Sequence[bytes] = ()
        self.deployments = [
            _deployment(n, account, name) for n, (account, name) in enumerate(bodies.names())
        ]

    def prepare(self, window: Window) -> None:
        self.bytes = self.bodies.of(window.start)

    def in_place(self) -> Any:
        """Instead of the source in settings, for as long as the bench runs."""
        return _patched(self)

    def pull(
        self,
        *,
        subscription_id: str,
        region: str,
        account_resource_ids: Sequence[str],
        window: Window,
        grain: timedelta,
    ) -> MetricsAnswer:
        if self.by_objects:
            return answer_by_objects(self.bytes, self.bodies.accounts, window, grain)
        return self.answer(window)

    def answer(self, window: Window) -> MetricsAnswer:
        tally = UsageTally(window, MINUTE)
        for query, body in zip(QUERIES, self.bytes, strict=True):
            asked = tally.asked(query.metrics, self.bodies.accounts, 0, tally.slots)
            field = query.aggregation.lower()
            tally.add(asked, read_body(body, asked.stamps, field), field, MOST_SERIES)
        return tally.answer()


@contextmanager
def _patched(source: BytesSource) -> Iterator[None]:
    real, usage_pull.usage_source = usage_pull.usage_source, lambda: source
    try:
        yield
    finally:
        usage_pull.usage_source = real


def _deployment(n: int, account: str, name: str) -> MeteredDeployment:
    return MeteredDeployment(
        id=n + 1, account_resource_id=account, account_key=account.lower(), name=name,
        subscription_id="bench", region="bench", model_name="gpt-4o", model_version="1",
        sku_name="GlobalStandard", is_provisioned=False, tokens_per_minute_per_unit=1000,
        requests_per_minute_per_unit=6, spillover_deployment_name="",
        service_id=None, first_seen_at=START, gone_at=None, capacity_units=50, observed_at=START,
    )  # fmt: skip
