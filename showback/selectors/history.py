"""How the fetching of history goes on: days, pace, when it ends, and what stands in its way."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Max, Min, Q, QuerySet

from portal.kernel.windows import MINUTE
from showback.models import BackfillSlice, Grain

# The pace is that of the last minutes: what was fetched an hour ago says little.
PACE_OVER = timedelta(minutes=10)
MOST_TROUBLES = 10


@dataclass(frozen=True)
class Trouble:
    """An account of which pieces failed. `problem` is the latest sentence."""

    account: str
    pieces: int
    problem: str
    next_try: datetime


@dataclass(frozen=True)
class HistoryProgress:
    """Of one grain. A day (or stretch of hours) is done when every account's piece of it is.

    `pieces_per_minute` and `ends_at` are None while nothing is known of the pace; pieces that wait
    after a failure are not in `ends_at`.
    """

    grain: str
    days_done: int
    days: int
    done: int
    total: int
    pieces_per_minute: float | None
    ends_at: datetime | None
    troubles: list[Trouble]
    accounts_in_trouble: int

    @property
    def is_done(self) -> bool:
        return self.done == self.total


def history_progress(*, at: datetime) -> list[HistoryProgress]:
    """By grain, minutes first; empty before the first plan."""
    found = [_progress(grain, at=at) for grain in (Grain.MINUTE, Grain.HOUR)]
    return [progress for progress in found if progress.total]


def _progress(grain: Grain, *, at: datetime) -> HistoryProgress:
    rows = BackfillSlice.objects.filter(grain=grain)
    is_done = Q(done_at__isnull=False)
    days = (
        rows.values("starts_at")
        .order_by()
        .annotate(pieces=Count("id"), done=Count("id", filter=is_done))
        .values_list("pieces", "done")
    )
    total, done = sum(pieces for pieces, _ in days), sum(each for _, each in days)
    pace = _pace(at=at)
    due = rows.filter(done_at__isnull=True, not_before__lte=at).count()
    troubles = _troubles(rows)
    return HistoryProgress(
        grain=grain.value,
        days_done=sum(pieces == each for pieces, each in days),
        days=len(days),
        done=done,
        total=total,
        pieces_per_minute=pace,
        ends_at=at + due / pace * MINUTE if pace and due else None,
        troubles=troubles[:MOST_TROUBLES],
        accounts_in_trouble=len(troubles),
    )


def _pace(*, at: datetime) -> float | None:
    """Pieces a minute, of both grains together: one runner fetches them in turn."""
    lately = BackfillSlice.objects.filter(done_at__gt=at - PACE_OVER, done_at__lte=at)
    found = lately.aggregate(pieces=Count("id"), planned=Min("planned_at"))
    if not found["pieces"]:
        return None
    length = min(PACE_OVER, max(at - found["planned"], MINUTE))
    return float(found["pieces"] / (length / MINUTE))


def _troubles(rows: QuerySet[BackfillSlice]) -> list[Trouble]:
    failed = rows.filter(done_at__isnull=True).exclude(problem="").values("account_key")
    found = failed.order_by("account_key").annotate(
        pieces=Count("id"), words=Max("problem"), next_try=Min("not_before")
    )
    return [
        Trouble(row["account_key"].rpartition("/")[2], row["pieces"], row["words"], row["next_try"])
        for row in found
    ]
