"""How Azure moved the limit of a pool: a small chart, and the moves themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, Q, Window
from django.db.models.functions import Lag, RowNumber
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
    """`newest` is None where Azure never told one; `chart` while it told but one thing: a line
    needs two ends.
    """

    newest: PoolLimit | None
    moves: list[LimitMove]
    chart: Chart | None

    @property
    def since(self) -> str:
        return f"since {self.moves[0].at}" if self.moves else "never read"


def limit_part(pool: Pool, *, at: datetime) -> LimitPart:
    """One query."""
    rows = list(_points_and_moves(pool))
    points, moves = rows[:POINTS], [row for row in rows if row.before != row.limit_units]
    return LimitPart(
        newest=rows[0] if rows else None,
        moves=[_move(row, at=at) for row in moves[:MOVES]],
        chart=_chart(pool, points[::-1], at=at),
    )


def _points_and_moves(pool: Pool) -> Any:
    """Newest first: the newest 400 rows, and of those before them the newest moves."""
    newest_first = Window(RowNumber(), order_by=[F("observed_at").desc(), F("pk").desc()])
    rows = _with_before(pool).annotate(place=newest_first)
    wanted = rows.filter(Q(place__lte=POINTS) | MOVED)
    return wanted.order_by("-observed_at", "-pk")[: POINTS + MOVES]


def _move(row: Any, *, at: datetime) -> LimitMove:
    moved = "first seen" if row.before is None else formatting.change(row.limit_units, row.before)
    limit = formatting.count(row.limit_units)
    return LimitMove(words.moment(row.observed_at, now=at), limit, str(moved))


MOVED = Q(before__isnull=True) | ~Q(before=F("limit_units"))


def moves_of(pool: Pool) -> Any:
    """Rows at which the limit itself moved, newest first, each with the limit `before` (None of the
    first).
    """
    return _with_before(pool).filter(MOVED).order_by("-observed_at", "-pk")


def _with_before(pool: Pool) -> Any:
    order = [F("observed_at").asc(), F("pk").asc()]
    return pool.limits.annotate(before=Window(Lag("limit_units"), order_by=order))


def _chart(pool: Pool, rows: Sequence[PoolLimit], *, at: datetime) -> Chart | None:
    """`rows` are oldest first."""
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
