"""How Azure moved the limit of a pool: a small chart, and the moves themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, Window
from django.db.models.functions import Lag
from django.utils.timezone import get_current_timezone

from portal.kernel import formatting
from portal.kernel.charts import Chart
from portal.kernel.charts_capacity import LimitHistory
from portal.kernel.shown import Shown
from quotas.models import Pool, PoolLimit
from quotas.selectors import words

MOVES, POINTS = 8, 400  # the newest ones


@dataclass(frozen=True)
class LimitMove:
    """`moved` says by how much, in words; "first seen" of the first."""

    at: Shown
    limit: Shown
    moved: str


@dataclass(frozen=True)
class LimitPart:
    """`chart` is None while Azure told but one thing: a line needs two ends."""

    moves: list[LimitMove]
    chart: Chart | None

    @property
    def since(self) -> str:
        return f"since {self.moves[0].at}" if self.moves else "never read"


def limit_part(pool: Pool, *, at: datetime) -> LimitPart:
    """Two queries."""
    return LimitPart(limit_moves(pool, at=at), _chart(pool, at=at))


def limit_moves(pool: Pool, *, at: datetime) -> list[LimitMove]:
    """Newest first; rows that only tell other use are left out."""
    return [
        LimitMove(
            words.moment(row.observed_at, now=at),
            formatting.count(row.limit_units),
            "first seen"
            if row.before is None
            else str(formatting.change(row.limit_units, row.before)),
        )
        for row in moves_of(pool)[:MOVES]
    ]


def moves_of(pool: Pool) -> Any:
    """Rows at which the limit itself moved, newest first, each with the limit `before` (None of the
    first).
    """
    order = [F("observed_at").asc(), F("pk").asc()]
    rows = pool.limits.annotate(before=Window(Lag("limit_units"), order_by=order))
    moved = rows.filter(Q(before__isnull=True) | ~Q(before=F("limit_units")))
    return moved.order_by("-observed_at", "-pk")


def _chart(pool: Pool, *, at: datetime) -> Chart | None:
    rows = list(PoolLimit.objects.filter(pool=pool)[:POINTS])[::-1]
    if len(rows) < 2:
        return None
    return LimitHistory(
        edges=[row.observed_at for row in rows],
        limit=[row.limit_units for row in rows],
        allocated=[row.azure_used_units for row in rows],
        end=max(at, rows[-1].observed_at),
        zone=get_current_timezone(),
        unit="PTU" if pool.is_provisioned else "units",
    ).chart("limit-history", "Limit and allocation")
