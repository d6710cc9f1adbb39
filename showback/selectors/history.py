"""How the fetching of history goes on: days, pace, time to go, and what stands in its way.

Of what Azure still keeps: older pieces can be fetched no more, so they are no progress.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, Max, Q, QuerySet

from portal.kernel.windows import DAY, MINUTE
from showback.domain.history import MOST_DAYS
from showback.models import BackfillSlice, Grain

# The pace is that of the last minutes: what was fetched an hour ago says little.
PACE_OVER = timedelta(minutes=10)
NOTHING = timedelta()
Fact = dict[str, Any]  # a row of FACTS


@dataclass(frozen=True)
class Days:
    """Days fetched of days asked for; a part of a day, as today so far, counts as one."""

    done: int
    total: int

    @property
    def words(self) -> str:
        return f"{self.done:,} of {self.total:,} days"


@dataclass(frozen=True)
class AccountHistory:
    """One account. `pieces_failed` wait until `next_try` (None: they are due); `problem` is one of
    their sentences.

    Days are None for a grain that was not asked for. `days_per_minute` is None while nothing is
    known of the pace, `to_go` also where nothing but failed pieces is left.
    """

    account: str
    by_minute: Days | None
    by_hour: Days | None
    days_per_minute: float | None
    to_go: timedelta | None
    pieces_due: int
    pieces_failed: int
    problem: str
    next_try: datetime | None
    is_done: bool

    @property
    def pace_words(self) -> str:
        """`2.5 days a minute`, `12 days an hour`, or nothing."""
        pace = self.days_per_minute
        if pace is None:
            return ""
        return f"{pace:,.1f} days a minute" if pace >= 1 else f"{60 * pace:,.0f} days an hour"


@dataclass(frozen=True)
class HistoryProgress:
    """Of one grain. A day (or stretch of hours) is done when every account's piece of it is.

    `pieces_per_minute` and `to_go` are None while nothing is known of the pace; pieces that wait
    after a failure are not in `to_go`.
    """

    grain: str
    days_done: int
    days: int
    done: int
    total: int
    pieces_per_minute: float | None
    to_go: timedelta | None

    @property
    def is_done(self) -> bool:
        return self.done == self.total

    @property
    def words(self) -> str:
        """`10 of 29 days of every account, 2.0 pieces a minute`; the time to go is told apart."""
        pace = self.pieces_per_minute
        return f"{self.days_done:,} of {self.days:,} days of every account" + (
            f", {pace:,.1f} pieces a minute" if pace and not self.is_done else ""
        )


@dataclass(frozen=True)
class History:
    """By grain, minutes first; accounts in trouble first, then those with most to do."""

    grains: list[HistoryProgress]
    accounts: list[AccountHistory]

    @property
    def is_fetching(self) -> bool:
        return any(not progress.is_done for progress in self.grains)

    @property
    def in_trouble(self) -> list[AccountHistory]:
        return [account for account in self.accounts if account.problem]

    @property
    def only_waits(self) -> bool:
        """Whether all that is left has failed and waits to be tried again."""
        left = [account for account in self.accounts if not account.is_done]
        return bool(left) and not any(account.pieces_due for account in left)


@dataclass(frozen=True)
class Pieces:
    """Pieces fetched, of those asked for, and one sentence on what went wrong."""

    done: int
    total: int
    problem: str


def unfinished_history(*, at: datetime) -> Pieces | None:
    """Of the grains that are not all there, for pages that only say so; None: nothing is to do."""
    pieces = _within_reach(at)
    # Most often nothing is left: the index of what is to do says so, and no piece is counted.
    rows = pieces.filter(Exists(pieces.filter(_LEFT).order_by())).values("grain").order_by()
    found = rows.annotate(
        total=Count("id"), done=Count("done_at"), words=Max("problem", filter=_LEFT)
    )
    left = [row for row in found if row["done"] < row["total"]]
    if not left:
        return None
    words = next((row["words"] for row in left if row["words"]), "")
    return Pieces(sum(row["done"] for row in left), sum(row["total"] for row in left), words)


def history_progress(*, at: datetime, since: datetime | None = None) -> History:
    """Empty before the first plan; `since` narrows it down to what begins there. One query."""
    facts, days = _facts(at=at, since=since)
    pace = _pieces_per_minute(facts, at=at)
    found = [_progress(grain, days, facts, pace) for grain in (Grain.MINUTE, Grain.HOUR)]
    keyed = groupby(facts, key=lambda row: str(row["account_key"]))
    accounts = [_account(key, list(each), at=at) for key, each in keyed]
    accounts.sort(key=lambda each: (not each.problem, each.is_done, each.account))
    return History([progress for progress in found if progress.total], accounts)


_LEFT = Q(done_at__isnull=True)


def _reach(at: datetime) -> datetime:
    return at - MOST_DAYS * DAY


def _within_reach(at: datetime) -> QuerySet[BackfillSlice]:
    return BackfillSlice.objects.filter(ends_at__gt=_reach(at))


# One pass: a row for each account and grain (`starts_at` null), and one for each grain and start.
FACTS = """
SELECT account_key, grain, starts_at,
    count(*) AS pieces, count(done_at) AS pieces_done,
    sum(length) AS length, sum(length) FILTER (WHERE NOT is_left) AS length_done,
    sum(length) FILTER (WHERE is_recent) AS length_lately,
    count(*) FILTER (WHERE is_recent) AS lately,
    min(planned_at) FILTER (WHERE is_recent) AS planned,
    count(*) FILTER (WHERE is_left AND not_before <= %(at)s) AS due,
    count(*) FILTER (WHERE failed) AS failed, max(problem) FILTER (WHERE failed) AS words,
    min(not_before) FILTER (WHERE failed AND not_before > %(at)s) AS next_try,
    max(length) AS longest
FROM (
    SELECT *, ends_at - starts_at AS length, done_at IS NULL AS is_left,
        done_at > %(lately)s AND done_at <= %(at)s AS is_recent,
        done_at IS NULL AND problem <> '' AS failed
    FROM showback_backfillslice
    WHERE ends_at > %(reach)s AND starts_at >= coalesce(%(since)s, '-infinity'::timestamptz)
) AS piece
GROUP BY GROUPING SETS ((account_key, grain), (grain, starts_at))
ORDER BY account_key, grain"""


def _facts(*, at: datetime, since: datetime | None) -> tuple[list[Fact], list[Fact]]:
    """Rows by account and grain, and rows by grain and start."""
    moments = {"at": at, "lately": at - PACE_OVER, "reach": _reach(at), "since": since}
    with connection.cursor() as cursor:
        cursor.execute(FACTS, moments)
        names = [column.name for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    by_account = [row for row in rows if row["starts_at"] is None]
    return by_account, [row for row in rows if row["starts_at"] is not None]


def _progress(
    grain: Grain, days: Sequence[Fact], facts: Sequence[Fact],
    pace: float | None,
) -> HistoryProgress:  # fmt: skip
    of_grain = [row for row in days if row["grain"] == grain]
    due = sum(row["due"] for row in facts if row["grain"] == grain)
    return HistoryProgress(
        grain=grain.value,
        days_done=_whole_days(
            row["longest"] for row in of_grain if row["pieces"] == row["pieces_done"]
        ),
        days=_whole_days(row["longest"] for row in of_grain),
        done=sum(row["pieces_done"] for row in of_grain),
        total=sum(row["pieces"] for row in of_grain),
        pieces_per_minute=pace,
        to_go=due / pace * MINUTE if pace and due else None,
    )


def _account(key: str, facts: list[Fact], *, at: datetime) -> AccountHistory:
    by_grain = {row["grain"]: row for row in facts}
    lately = sum((row["length_lately"] or NOTHING for row in facts), NOTHING)
    pieces, due = (sum(row[name] for row in facts) for name in ("lately", "due"))
    minutes = _minutes_of_pace(facts, at=at) if pieces else 0.0
    return AccountHistory(
        account=key.rpartition("/")[2],
        by_minute=_days(by_grain.get(Grain.MINUTE)),
        by_hour=_days(by_grain.get(Grain.HOUR)),
        days_per_minute=lately / DAY / minutes if minutes else None,
        # By pieces, as each is a call or a few: a piece of hours is many days and takes no longer.
        to_go=due / pieces * minutes * MINUTE if pieces and due else None,
        pieces_due=due,
        pieces_failed=sum(row["failed"] for row in facts),
        problem=next((row["words"] for row in facts if row["words"]), ""),
        next_try=min((row["next_try"] for row in facts if row["next_try"]), default=None),
        is_done=all(row["pieces"] == row["pieces_done"] for row in facts),
    )


def _days(row: Fact | None) -> Days | None:
    if row is None:
        return None
    return Days(_whole_days([row["length_done"] or NOTHING]), _whole_days([row["length"]]))


def _whole_days(lengths: Iterable[timedelta]) -> int:
    """Rounded up: today so far counts as one."""
    return -(-sum(lengths, NOTHING) // DAY)


def _pieces_per_minute(facts: Sequence[Fact], *, at: datetime) -> float | None:
    """Of both grains and all accounts together: one runner fetches them in turn."""
    lately = sum(row["lately"] for row in facts)
    return float(lately / _minutes_of_pace(facts, at=at)) if lately else None


def _minutes_of_pace(facts: Sequence[Fact], *, at: datetime) -> float:
    """The last minutes, or fewer where what was fetched in them was asked for since."""
    planned = min(row["planned"] for row in facts if row["planned"])
    return min(PACE_OVER, max(at - planned, MINUTE)) / MINUTE
