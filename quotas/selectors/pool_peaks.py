"""How full pools will be: of any number of them, worked out by the database in one statement.

A list of pools is sorted and counted by it. What one pool holds step by step, `pool_figures` reads.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from portal.kernel.windows import Window
from quotas.selectors.rooms import STEPS_OF_POOLS

_PEAKS = """, peaks AS (
    SELECT pool_id, max(held)::bigint AS fullest FROM steps GROUP BY pool_id
)
SELECT pool.id, peaks.fullest, newest.limit_units, newest.outside_units
FROM unnest(%(pools)s::bigint[]) AS pool (id)
LEFT JOIN peaks ON peaks.pool_id = pool.id
LEFT JOIN LATERAL (
    SELECT limit_units, outside_units FROM quotas_poollimit WHERE pool_id = pool.id
    ORDER BY observed_at DESC, id DESC LIMIT 1
) newest ON true"""
PEAKS = STEPS_OF_POOLS.format(which="pool_id = ANY(%(pools)s::bigint[])", then=_PEAKS)


@dataclass(frozen=True)
class Peak:
    """Whole units: the most that is held at one time of a window, and Azure's newest limit (None
    where it never told one).
    """

    fullest: int
    limit: int | None
    outside: int

    @property
    def share(self) -> float | None:
        """Of the limit."""
        return self.fullest / self.limit if self.limit else None

    def is_short(self, reserve_units: int) -> bool:
        """More is promised than Azure allows."""
        return self.limit is not None and self.limit - reserve_units - self.outside < self.fullest


def pool_peaks(pool_ids: Iterable[int], window: Window) -> dict[int, Peak]:
    """By pool id, all of them. One query."""
    values = {"pools": list(pool_ids), "start": window.start, "end": window.end}
    with connection.cursor() as cursor:
        cursor.execute(PEAKS, values)
        # An entry that begins later leaves nothing held before it, and a pool without any, nothing.
        return {
            pool: Peak(max(0, fullest or 0), limit, outside or 0)
            for pool, fullest, limit, outside in cursor.fetchall()
        }
