"""A quarter of use for a made organisation: every minute of 93 days, hour, day and cost line.

Three days go the whole way of ingestion and roll-up: today as far as it has come, yesterday, and
the day before, whose minutes are compacted. The days before them are copies of that one, made
inside the database: so tables hold what the portal itself writes there, whatever their columns.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic, sleep

import numpy as np
from django.core.management import CommandError
from django.db import connection, transaction
from numpy.typing import NDArray

from portal.kernel.windows import DAY, HOUR, MINUTE, Window, floor_to_day
from portal.management.benches.made_callers import make_gateways, shared_of, store_callers
from portal.management.benches.made_organisation import HISTORY, Made
from portal.management.benches.sandbox import say
from quotas.models import Deployment
from showback.domain.measures import MEASURES, MISSING, OLDER
from showback.domain.minutes import expected_minutes, hour_starts, settled_until, sums_of_minutes
from showback.gateway import Series
from showback.models import GatewaySource, Grain
from showback.services.compaction import compact_day
from showback.services.copying import copy_rows
from showback.services.partitions import ensure_partitions
from showback.services.price_data import shipped_prices
from showback.services.prices import load_prices
from showback.services.rollup import roll_up_and_cost
from showback.services.to_date import sum_from
from showback.services.usage_rows import UsageRows
from showback.services.usage_store import store

Ints = NDArray[np.int64]
COPIED_FROM = 2  # days ago
FOUR_WEEKS = 28  # days
DEPLOYMENTS_AT_ONCE = 200
LOCK_PATIENCE_SECONDS = 60
SYNC_EVERY = 5 * MINUTE
# Tables of the copied day, and the column that says when.
BY_TIME = {
    "showback_usage_hour": "hour",
    "showback_service_hour": "hour",
    "showback_gateway_hour": "hour",
    "showback_caller_hour": "hour",
    "showback_caller_minutes": "hour",
}
BY_DAY = {
    "showback_usage_day_block": "day",
    "showback_service_day": "day",
    "showback_method_day": "day",
    "showback_cost_line": "day",
    "showback_unmapped_day": "day",
}


def make_quarter(made: Made) -> None:
    """Fills every table of showback from the first of the 93 days until now."""
    load_prices(shipped_prices())
    today, gateways = floor_to_day(made.at), make_gateways(made)
    for ago in reversed(range(COPIED_FROM + 1)):
        for first in range(0, len(made.deployments), DEPLOYMENTS_AT_ONCE):
            part = made.deployments[first : first + DEPLOYMENTS_AT_ONCE]
            _store_day([each.pk for each in part], today - ago * DAY, made.at)
        _call(shared_of(made), gateways, today - ago * DAY, made.at)
    _roll_up(made.at)
    compact_day((today - COPIED_FROM * DAY).date())
    _copy_back(today - COPIED_FROM * DAY, HISTORY.days - COPIED_FROM - 1)
    _pulls(made, gateways)
    _syncs(made)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def store_weeks(ids: Sequence[int], *, at: datetime) -> None:
    """Every minute of the last four weeks: two days by the hour, those before compacted."""
    today, before = floor_to_day(at), floor_to_day(at) - COPIED_FROM * DAY
    for ago in reversed(range(COPIED_FROM + 1)):
        _store_day(ids, today - ago * DAY, at)
    compact_day(before.date())
    ensure_partitions(before - ago * DAY for ago in range(FOUR_WEEKS))
    window = (before.date(), (before + DAY).date())
    _insert_shifted("showback_usage_day_block", "day", window, FOUR_WEEKS - COPIED_FROM)


def _store_day(ids: Sequence[int], start: datetime, at: datetime) -> None:
    hours = hour_starts(Window(start, min(start + DAY, at)))
    values = np.concatenate([_minutes(deployment, len(hours)) for deployment in ids])
    row_hours = np.tile(hours, len(ids))
    expected = expected_minutes(row_hours, at)
    values = np.where(np.arange(60) < expected[:, None, None], values, MISSING)
    rows = UsageRows(
        Grain.MINUTE.value, np.repeat(np.array(ids), len(hours)), row_hours, values,
        sums_of_minutes(values, expected), np.zeros(len(row_hours), dtype=bool),
        np.full(len(row_hours), OLDER),
    )  # fmt: skip
    with transaction.atomic():
        store(rows)


def _call(
    shared: Sequence[Deployment], gateways: Sequence[GatewaySource], start: datetime, at: datetime
) -> None:
    starts = hour_starts(Window(start, min(start + DAY, at)))
    series = {each.pk: _series(each.pk, len(starts)) for each in shared}
    for source in gateways:
        store_callers(source, [start + n * HOUR for n in range(len(starts))], series, at=at)


def _minutes(deployment: int, hours: int) -> Ints:
    """(hours, measures, 60)."""
    rows = _series(deployment, hours).table.reshape(len(MEASURES), hours, 60)
    return rows.transpose(1, 0, 2).astype(np.int64)


def _series(deployment: int, hours: int) -> Series:
    """An office day, always the same; a few minutes in a hundred are throttled."""
    random = np.random.default_rng(deployment)
    level = 0.1 + np.sin(np.pi * np.arange(hours * 60) / 1440) ** 2
    wanted = random.poisson(random.uniform(5, 60) * level)
    refused = np.where(random.random(wanted.size) < 0.02, wanted // 4, 0)
    served = wanted - refused
    measures = {
        "ok": served,
        "throttled": refused,
        "other": np.zeros_like(served),
        "spilled": np.zeros_like(served),
        "prompt": served * random.integers(300, 1500),
        "generated": served * random.integers(50, 400),
        "cache_percent": np.full_like(served, random.integers(0, 40)),
    }
    return Series.of(measures)


def _roll_up(at: datetime) -> None:
    """Waits for a roll-up of the installation itself: only one runs at a time."""
    ends = monotonic() + LOCK_PATIENCE_SECONDS
    while not roll_up_and_cost(at=at, seconds=9e9):
        if monotonic() > ends:
            raise CommandError("Another roll-up went on for a minute. Run the bench again later.")
        sleep(1)


def _copy_back(day: datetime, times: int) -> None:
    """The same day again on each of the days before it."""
    say(f"{times} days of use are copied")
    with transaction.atomic():
        ensure_partitions(day - ago * DAY for ago in range(times + 1))
        for table, column in (BY_TIME | BY_DAY).items():
            begins = day if table in BY_TIME else day.date()
            ends = day + DAY if table in BY_TIME else (day + DAY).date()
            _insert_shifted(table, column, (begins, ends), times)
        for ago in reversed(range(times + 1)):
            sum_from((day - ago * DAY).date())


def _insert_shifted(table: str, column: str, window: tuple[object, object], times: int) -> None:
    with connection.cursor() as cursor:
        description = connection.introspection.get_table_description(cursor, table)
        names = [row.name for row in description if row.name != "id"]
        shifted = [f"{n} - ago * {_step(column)}" if n == column else n for n in names]
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(shifted)} "  # noqa: S608
            f"FROM {table}, generate_series(1, %s) AS ago WHERE {column} >= %s AND {column} < %s",
            [times, *window],
        )


def _step(column: str) -> str:
    return "1" if column == "day" else "interval '24 hours'"


def _pulls(made: Made, gateways: Sequence[GatewaySource]) -> None:
    """Watermarks of each source and hour, and the history that was fetched at first sight."""
    sources = sorted({f"{each.subscription_id}/{each.region}" for each in made.accounts})
    sources += [source.watermark for source in gateways]
    hours = [made.since + n * HOUR for n in range(HISTORY // HOUR + 1)]
    hours = [hour.replace(minute=0, second=0, microsecond=0) for hour in hours]
    settled = settled_until(made.at)
    copy_rows(
        "showback_usagepull",
        ("source", "hour", "grain", "state", "started_at", "done_at", "settled_until", "problem"),
        (
            (source, hour, "minute", "done", hour, hour, min(hour + HOUR, settled), "")
            for source in sources
            for hour in hours
        ),
    )
    copy_rows(
        "showback_backfillslice",
        ("subscription_id", "region", "account_key", "grain", "starts_at", "ends_at", "planned_at",
         "attempts", "not_before", "done_at", "problem"),
        (
            (each.subscription_id, each.region, each.resource_key, "minute",
             made.since + n * DAY, made.since + (n + 1) * DAY, made.since, 1, made.since,
             made.since, "")
            for each in made.accounts
            for n in range(HISTORY.days)
        ),
    )  # fmt: skip


def _syncs(made: Made) -> None:
    """An inventory sync of each subscription every five minutes."""
    moments = [made.since + n * SYNC_EVERY for n in range(HISTORY // SYNC_EVERY + 1)]
    took = timedelta(seconds=4)
    copy_rows(
        "quotas_syncrun",
        ("subscription_id", "started_at", "ended_at", "problems"),
        (
            (subscription, moment, moment + took, "[]")
            for subscription in sorted({each.subscription_id for each in made.accounts})
            for moment in moments
        ),
    )
