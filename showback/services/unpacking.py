"""Puts compacted days back into rows by the hour, before an hour of them is replaced."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import numpy as np
from django.db import connection

from portal.kernel.windows import DAY
from showback.domain.measures import MEASURES
from showback.selectors.minutes import HourKey, Stored
from showback.services.copying import copy_stream
from showback.services.partitions import MINUTES
from showback.services.usage_rows import MINUTE_COLUMNS, minute_streams

DAY_SECONDS = int(DAY.total_seconds())


def unpack_days(keys: Sequence[HourKey]) -> int:
    """Rows instead of the blocks that hold these hours; answers how many blocks that were.

    Call it in the transaction that replaces the hours, which holds the lock of their days.
    """
    days = sorted({(deployment, second // DAY_SECONDS) for deployment, second in keys})
    hours = [found for block in _taken(days) for found in block.hours()]
    if not hours:
        return 0
    ids = np.array([key[0] for key, _ in hours], dtype=np.int64)
    seconds = np.array([key[1] for key, _ in hours], dtype=np.int64)
    for stream in minute_streams(ids, seconds, np.stack([values for _, values in hours])):
        copy_stream(MINUTES, MINUTE_COLUMNS, stream)
    return len({(key[0], key[1] // DAY_SECONDS) for key, _ in hours})


def _taken(days: Sequence[tuple[int, int]]) -> list[Stored]:
    """The blocks of these days, which are deleted. Days are counted from 1970-01-01."""
    dates = [_date(day) for _, day in days]
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM showback_usage_day_block b "  # noqa: S608
            "USING unnest(%s::bigint[], %s::date[]) AS k(deployment_id, day) "
            "WHERE b.deployment_id = k.deployment_id AND b.day = k.day "
            "AND b.day >= %s AND b.day <= %s "
            "RETURNING b.deployment_id, extract(epoch FROM b.day::timestamp)::bigint, b.hours, "
            + ", ".join(f"b.{name}" for name in MEASURES),
            [[deployment for deployment, _ in days], dates, min(dates), max(dates)],
        )
        return [Stored(row[0], row[1], row[2], row[3:]) for row in cursor.fetchall()]


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).date()
