"""Reads a pool's ledger into values for the domain.

A service that decides on them locks the pool first.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db.models import QuerySet

from portal.kernel.windows import Window
from quotas.domain.availability import Room
from quotas.domain.ledger import Entry
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
        yield pool, _entry(*entry)


COLUMNS = ("deployment_id", "units", "effective_from", "effective_until",
           "service_id", "kind", "request_id")  # fmt: skip


def _entry(
    deployment: int,
    units: int,
    start: datetime,
    end: datetime,
    service: int | None,
    kind: str,
    request: int | None,
) -> Entry:
    return Entry(deployment, units, Window(start, end), service, kind, request)


def pool_entries(pool: Pool, window: Window) -> list[Entry]:
    """Every entry of the pool that touches the window; the reserve is the pool's own field."""
    rows = LedgerEntry.objects.filter(pool=pool).touching(window).order_by()
    return [_entry(*row) for row in rows.values_list(*COLUMNS)]


def room_of(pool: Pool) -> Room:
    """What normal entries may use in all, by the newest limit that Azure told.

    A pool whose limit was never read has no room: nothing is granted on a guess.
    """
    limit = pool.limits.first()
    if limit is None:
        return Room(0)
    return Room(limit.limit_units, pool.reserve_units, limit.outside_units)
