"""How far the data is: the age of the newest minute, and how much history has been fetched."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Count, Max, Q

from showback.domain.targets import GATEWAY
from showback.models import BackfillSlice, Grain

# One step down the index for each source, and one for its newest hour: there are as many hours as
# sources × time, and a page asks for this whoever looks at it.
SLOWEST_SOURCE = """
WITH RECURSIVE sources AS (
    SELECT min(source) AS source FROM showback_usagepull
    UNION ALL
    SELECT (SELECT min(pull.source) FROM showback_usagepull pull
            WHERE pull.source > sources.source)
    FROM sources WHERE sources.source IS NOT NULL
)
SELECT min(newest.settled_until) FROM sources, LATERAL (
    SELECT pull.settled_until FROM showback_usagepull pull
    WHERE pull.source = sources.source AND pull.hour <= %(at)s AND pull.settled_until IS NOT NULL
    ORDER BY pull.hour DESC LIMIT 1
) newest
WHERE NOT starts_with(sources.source, %(gateway)s)"""


@dataclass(frozen=True)
class Progress:
    """Slices of history fetched, of those planned, and the first sentence on what went wrong."""

    done: int
    total: int
    problem: str

    @property
    def is_done(self) -> bool:
        return self.done == self.total


def data_until(at: datetime) -> datetime | None:
    """The moment up to which the slowest source was read; None before the first pull.

    A property of the installation, not of any team. Callers of gateways come later and do not
    count: they divide use, they do not make it.
    """
    with connection.cursor() as cursor:
        cursor.execute(SLOWEST_SOURCE, {"at": at, "gateway": GATEWAY})
        [until] = cursor.fetchone()
    return until


def backfill_progress() -> dict[str, Progress]:
    """By grain (`minute`, `hour`); empty before the first plan."""
    rows = (
        BackfillSlice.objects.values("grain")
        .annotate(
            total=Count("id"),
            done=Count("id", filter=Q(done_at__isnull=False)),
            problem=Max("problem", filter=Q(done_at__isnull=True)),
        )
        .order_by()
    )
    return {
        Grain(row["grain"]).value: Progress(row["done"], row["total"], row["problem"] or "")
        for row in rows
    }
