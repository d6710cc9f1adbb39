"""Puts hours of use into the database: hours are replaced whole, and only where they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from portal.kernel.windows import HOUR, Window
from showback.domain.minutes import merged, sums_of_minutes
from showback.models import Grain
from showback.selectors.minutes import read_hours
from showback.services.account_hours import note_hours
from showback.services.copying import copy_stream
from showback.services.day_locks import share_days
from showback.services.partitions import ensure_partitions
from showback.services.unpacking import unpack_days
from showback.services.usage_rows import (
    HOUR_COLUMNS,
    MINUTE_COLUMNS,
    UsageRows,
    hour_stream,
    mark_stream,
    minute_streams,
)

Ints = NDArray[np.int64]
Key = tuple[int, int]  # deployment, epoch seconds of the hour


def store(rows: UsageRows) -> int:
    """Writes what differs from what is there, and marks its hours; answers how many rows that was.

    Where a measure could not be read, or fewer minutes have settled than before (a clock that was
    set back), the minutes already there stay in the gaps: a gap is no news.
    Sums by the hour never replace minutes. Call inside a transaction.
    """
    if not len(rows):
        return 0
    share_days(_days(rows.hours))
    known = _known(rows)
    rows = rows if rows.grain == Grain.MINUTE else _without_known_minutes(rows, known)
    if not len(rows):
        return 0
    hashes = rows.hashes()
    differs = _differs(rows, hashes, known)
    if rows.grain == Grain.MINUTE and _fill_gaps(rows, differs, known):
        hashes = rows.hashes()
        differs = _differs(rows, hashes, known)
    changed, hashes = rows.only(differs), hashes[differs]
    if len(changed):
        _replace(changed, hashes, known)
    return len(changed)


@dataclass(frozen=True)
class Known:
    """A row that is there."""

    content_hash: int
    grain: str
    minutes_expected: int
    metric_family: int


def _known(rows: UsageRows) -> dict[Key, Known]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deployment_id, extract(epoch FROM hour)::bigint, "
            "content_hash, grain, minutes_expected, metric_family "
            "FROM showback_usage_hour "
            "WHERE hour >= %s AND hour < %s AND deployment_id = ANY(%s)",
            [*_bounds(rows.hours), np.unique(rows.deployments).tolist()],
        )
        return {(row[0], row[1]): Known(*row[2:]) for row in cursor.fetchall()}


def _without_known_minutes(rows: UsageRows, known: dict[Key, Known]) -> UsageRows:
    by_minute = {key for key, row in known.items() if row.grain == Grain.MINUTE}
    return rows.only(np.array([key not in by_minute for key in _keys(rows)], dtype=bool))


def _differs(rows: UsageRows, hashes: Ints, known: dict[Key, Known]) -> NDArray[np.bool_]:
    there = {key: row.content_hash for key, row in known.items()}
    return np.array(
        [there.get(key) != new for key, new in zip(_keys(rows), hashes.tolist(), strict=True)],
        dtype=bool,
    )


def _fill_gaps(rows: UsageRows, differs: NDArray[np.bool_], known: dict[Key, Known]) -> bool:
    """Puts minutes that are there into gaps of the new ones, in place; whether there were any."""
    keys = _keys(rows)
    wanted = [i for i in np.flatnonzero(differs).tolist() if _may_lack(rows, i, known.get(keys[i]))]
    if not wanted:
        return False
    older = read_hours({keys[i][0] for i in wanted}, Window(*_bounds(rows.hours)))
    for i in wanted:
        if keys[i] in older:  # else they have been dropped since
            rows.values[i] = merged(rows.values[i], older[keys[i]])
        rows.sums.expected[i] = max(rows.sums.expected[i], known[keys[i]].minutes_expected)
        rows.families[i] |= known[keys[i]].metric_family
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[wanted] = True
    sums = sums_of_minutes(rows.values[chosen], rows.sums.expected[chosen])
    for name, values in vars(sums).items():
        getattr(rows.sums, name)[chosen] = values
    return True


def _may_lack(rows: UsageRows, i: int, there: Known | None) -> bool:
    """Whether the row that is there may know a minute that the new one does not."""
    if there is None or there.grain != Grain.MINUTE:
        return False
    return bool(rows.has_failed[i] or rows.sums.expected[i] < there.minutes_expected)


def _replace(rows: UsageRows, hashes: Ints, known: dict[Key, Known]) -> None:
    hours = [datetime.fromtimestamp(second, UTC) for second in np.unique(rows.hours).tolist()]
    ensure_partitions(hours)
    there = [key for key in _keys(rows) if key in known]
    if rows.grain == Grain.MINUTE:
        unpack_days(_keys(rows))
    if there:
        for table in ("showback_usage_hour", "showback_usage_minutes"):
            _delete(table, there, rows.hours)
    copy_stream("showback_usage_hour", HOUR_COLUMNS, hour_stream(rows, hashes))
    if rows.grain == Grain.MINUTE:
        for stream in minute_streams(rows.deployments, rows.hours, rows.values):
            copy_stream("showback_usage_minutes", MINUTE_COLUMNS, stream)
    copy_stream("showback_touchedhour", ("hour", "deployment_id"), mark_stream(rows))
    note_hours(np.unique(rows.deployments).tolist(), hours)


def _delete(table: str, keys: Sequence[Key], hours: Ints) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"DELETE FROM {table} t "  # noqa: S608
            "USING unnest(%s::bigint[], %s::timestamptz[]) AS k(deployment_id, hour) "
            "WHERE t.deployment_id = k.deployment_id AND t.hour = k.hour "
            "AND t.hour >= %s AND t.hour < %s",
            [*_key_arrays(keys), *_bounds(hours)],
        )


def _keys(rows: UsageRows) -> list[Key]:
    return list(zip(rows.deployments.tolist(), rows.hours.tolist(), strict=True))


def _key_arrays(keys: Sequence[Key]) -> tuple[list[int], list[datetime]]:
    return [key[0] for key in keys], [datetime.fromtimestamp(key[1], UTC) for key in keys]


def _days(hours: Ints) -> list[date]:
    return [datetime.fromtimestamp(s, UTC).date() for s in np.unique(hours // 86_400 * 86_400)]


def _bounds(hours: Ints) -> tuple[datetime, datetime]:
    """The stretch of time that these hours lie in: it keeps other months' partitions out."""
    first, last = int(hours.min()), int(hours.max())
    return datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC) + HOUR
