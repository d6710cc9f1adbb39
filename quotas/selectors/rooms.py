"""Reads a pool's ledger into values for the domain.

A service that decides on them locks the pool first.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import BigIntegerField, F, Func, QuerySet

from portal.kernel.windows import Window
from quotas.domain.availability import Fit, Room, fit_beside
from quotas.domain.ledger import Entry, Step
from quotas.models import LedgerEntry, Pool


def entries_of(rows: Iterable[LedgerEntry]) -> list[Entry]:
    return [
        Entry(
            deployment_id=row.deployment_id,
            units=row.units,
            window=row.window,
            service_id=row.service_id,
            kind=row.kind,
            request_id=row.request_id,
        )
        for row in rows
    ]


def by_pool(rows: QuerySet[LedgerEntry]) -> Iterator[tuple[int, Entry]]:
    """Each entry with its pool's id, in the order of the rows; no model is made of them."""
    for pool, *entry in rows.values_list("pool_id", *COLUMNS).iterator():
        yield pool, entry_of(*entry)


def _since_epoch(column: str) -> Func:
    """In whole microseconds. A number is read several times as fast as a time is, and a pool may
    have thousands of entries that never end or begin later.
    """
    return Func(
        F(column),
        template="(EXTRACT(EPOCH FROM %(expressions)s) * 1000000)::bigint",
        output_field=BigIntegerField(),
    )


COLUMNS = ("deployment_id", "units", _since_epoch("effective_from"),
           _since_epoch("effective_until"), "service_id", "kind", "request_id")  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def entry_of(
    deployment: int,
    units: int,
    start: int,
    end: int,
    service: int | None,
    kind: str,
    request: int | None,
) -> Entry:
    """Of a row of `COLUMNS`."""
    window = Window(EPOCH + timedelta(0, 0, start), EPOCH + timedelta(0, 0, end))
    return Entry(deployment, units, window, service, kind, request)


def pool_entries(pool: Pool, window: Window) -> list[Entry]:
    """Every entry of the pool that touches the window; the reserve is the pool's own field."""
    rows = LedgerEntry.objects.in_pool(pool).touching(window).order_by()
    return [entry_of(*row) for row in rows.values_list(*COLUMNS)]


# What `quotas.domain.ledger.steps_over` says, of pools; `then` goes on with `steps`.
# What begins and what ends at one instant make one step; the first is at the start. `which` says of
# which pools, as the index of windows can look for one but not for several.
STEPS_OF_POOLS = """
WITH parts AS MATERIALIZED (
    SELECT pool_id, greatest(effective_from, %(start)s) AS starts, effective_until AS ends, units
    FROM quotas_ledgerentry
    WHERE {which} AND tstzrange(effective_from, effective_until) && tstzrange(%(start)s, %(end)s)
), edges AS (
    SELECT unnest(%(pools)s::bigint[]) AS pool_id, %(start)s AS at, 0 AS units
    UNION ALL
    SELECT pool_id, starts, units FROM parts
    UNION ALL
    SELECT pool_id, ends, -units FROM parts WHERE ends < %(end)s
), steps AS (
    SELECT pool_id, at, sum(sum(units)) OVER (PARTITION BY pool_id ORDER BY at) AS held
    FROM edges GROUP BY pool_id, at
){then}"""
_RISING = """, compared AS (
    SELECT at, held, max(held) OVER (
        ORDER BY at ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS highest FROM steps
)
SELECT at, held, newest.limit_units, newest.outside_units FROM compared
LEFT JOIN LATERAL (
    SELECT limit_units, outside_units FROM quotas_poollimit WHERE pool_id = %(pool)s
    ORDER BY observed_at DESC, id DESC LIMIT 1
) newest ON true
WHERE highest IS NULL OR held > highest ORDER BY at"""
RISING = STEPS_OF_POOLS.format(which="pool_id = %(pool)s::bigint", then=_RISING)


def held_and_room(pool: Pool, window: Window) -> tuple[list[Step], Room]:
    """What the pool holds at the window's start, and each time that it holds more than ever before
    in the window: a few steps, however many entries there are, and enough for a fit. With what it
    may hold in all. One query.
    """
    values: dict[str, Any] = {
        "pool": pool.pk,
        "pools": [pool.pk],
        "start": window.start,
        "end": window.end,
    }
    with connection.cursor() as cursor:
        cursor.execute(RISING, values)
        rows = cursor.fetchall()
    steps = [Step(at, int(held)) for at, held, *_ in rows]
    return steps, room_by(pool.reserve_units, *rows[0][2:])


def fit_in(pool: Pool, window: Window, units: int) -> Fit:
    """Whether so many units more fit at every instant of the window. Certain only under the pool's
    lock. One query.
    """
    return fit_beside(*held_and_room(pool, window), window, units)


def room_of(pool: Pool) -> Room:
    """What normal entries may use in all, by the newest limit that Azure told.

    A pool whose limit was never read has no room: nothing is granted on a guess.
    """
    newest = pool.limits.values_list("limit_units", "outside_units").first()
    return room_by(pool.reserve_units, *(newest or (None, None)))


def room_by(reserve_units: int, limit: int | None, outside: int | None) -> Room:
    """Of figures that were read already; None: Azure never told a limit."""
    return Room(0) if limit is None else Room(limit, reserve_units, outside or 0)
