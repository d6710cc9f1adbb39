"""Packs the minutes of days that are final into one compressed row per deployment and day.

A day is final once the nightly pull of the last 48 hours has passed it; a later pull that brings
something new unpacks the days it changes (`usage_store`), and the next run packs them again.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from time import monotonic

import numpy as np
from django.db import connection, transaction

from portal.kernel.windows import DAY, Window, floor_to_day, floor_to_hour
from showback.domain.day_codec import CODEC, MINUTES, bits_of, pack
from showback.domain.measures import MEASURES
from showback.selectors.minutes import HOUR_SECONDS, stored
from showback.services.copying import copy_rows
from showback.services.day_locks import own_day
from showback.services.locks import pipeline_lock
from showback.services.partitions import BLOCKS, ensure_partitions
from showback.services.usage_pull import NIGHTLY

BLOCK_COLUMNS = ("deployment_id", "day", "codec", "hours", *MEASURES)
DEPLOYMENTS_AT_ONCE = 100  # bounds memory to some megabytes


def compact(*, at: datetime, goes_on: Callable[[], bool] = lambda: True) -> list[date]:
    """Packs every day that is final, oldest first, one transaction each; answers which.

    One runner at a time: a second one does nothing. A crash leaves each day in one form or the
    other, and the next run goes on.
    """
    done: list[date] = []
    with pipeline_lock("compaction") as ours:
        for day in days_to_compact(at) if ours else ():
            if not goes_on():
                break
            compact_day(day)
            done.append(day)
    return done


def compact_for(seconds: float, *, at: datetime) -> list[date]:
    """The same, for about so long."""
    ends = monotonic() + seconds
    return compact(at=at, goes_on=lambda: monotonic() < ends)


def final_until(at: datetime) -> datetime:
    """Days (UTC) that end at or before this moment are final."""
    return floor_to_day(floor_to_hour(at - NIGHTLY))


def days_to_compact(at: datetime) -> list[date]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date FROM showback_usage_minutes "
            "WHERE hour < %s ORDER BY 1",
            [final_until(at)],
        )
        return [row[0] for row in cursor.fetchall()]


@transaction.atomic
def compact_day(day: date) -> int:
    """Puts blocks in the place of the day's rows; answers how many blocks."""
    own_day(day)
    start = datetime.combine(day, time(), UTC)
    window = Window(start, start + DAY)
    ids = _deployments(window)
    blocks = [
        block
        for begin in range(0, len(ids), DEPLOYMENTS_AT_ONCE)
        for block in _blocks(ids[begin : begin + DEPLOYMENTS_AT_ONCE], window)
    ]
    ensure_partitions([start])
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM showback_usage_minutes WHERE hour >= %s AND hour < %s",
            [window.start, window.end],
        )
    copy_rows(BLOCKS, BLOCK_COLUMNS, blocks)
    return len(blocks)


def _deployments(window: Window) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT deployment_id FROM showback_usage_minutes "
            "WHERE hour >= %s AND hour < %s ORDER BY 1",
            [window.start, window.end],
        )
        return [row[0] for row in cursor.fetchall()]


def _blocks(ids: list[int], window: Window) -> Iterator[tuple[object, ...]]:
    """In the order of BLOCK_COLUMNS."""
    first, day = int(window.start.timestamp()), window.start.date()
    values = np.zeros((len(ids), len(MEASURES), MINUTES), dtype=np.int64)
    hours: dict[int, list[int]] = {deployment: [] for deployment in ids}
    place = {deployment: position for position, deployment in enumerate(ids)}
    for row in stored(ids, window, MEASURES):
        hours[row.deployment].append((row.starts - first) // HOUR_SECONDS)
        for measure in range(len(MEASURES)):
            row.put(measure, values[place[row.deployment], measure], first)
    values -= 1
    for deployment, minutes in zip(ids, values, strict=True):
        yield (deployment, day, CODEC, bits_of(hours[deployment]), *map(pack, minutes))
