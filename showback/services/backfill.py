"""History, fetched once for each account, newest first, a few seconds at a time.

The plan is rows (`BackfillSlice`), so progress is visible and any worker goes on where another
stopped. A slice that fails waits longer each time; the others do not wait for it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet

from portal import audit
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_day
from portal.models import User
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.history import Slice, slices, slices_of_minutes
from showback.gateway import finance_zone
from showback.models import BackfillSlice, Grain
from showback.services.locks import pipeline_lock
from showback.services.usage_answer import GRAINS
from showback.services.usage_pull import Pulled, pull_region

LONGEST_WAIT = timedelta(hours=6)
STEPS = {Grain.MINUTE: MINUTE, Grain.HOUR: HOUR}


@dataclass(frozen=True)
class Stretch:
    """Slices that one call fetches: the same window of all accounts of a region."""

    rows: list[BackfillSlice]
    window: Window
    pulled: Pulled


def plan_backfill(*, at: datetime) -> int:
    """Plans the history of accounts that have no plan yet; answers how many slices were added."""
    known = set(BackfillSlice.objects.values_list("account_key", flat=True).distinct())
    pieces = slices(at, finance_zone(), days=settings.HEADROOM_BACKFILL_DAYS)
    planned = [row for row in _planned(pieces, at=at) if row.account_key not in known]
    BackfillSlice.objects.bulk_create(planned, ignore_conflicts=True)
    return len(planned)


def plan_days(days: int, *, at: datetime, again: bool) -> int:
    """Plans the minutes of the last days of every account; answers how many slices are to do.

    With `again` also what was fetched is fetched again; in any case what waits after a failure is
    due at once. ValueError for more days than Azure keeps.
    """
    rows = _planned(slices_of_minutes(at, days=days), at=at)
    left = to_do(grain=Grain.MINUTE, since=floor_to_day(at) - timedelta(days=days))
    if again:
        BackfillSlice.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account_key", "grain", "starts_at"],
            update_fields=[*("ends_at", "planned_at", "not_before", "done_at"), "attempts"],
        )
    else:
        BackfillSlice.objects.bulk_create(rows, ignore_conflicts=True)
        left.update(not_before=at)
    return left.count()


def ask_for_history(days: int, *, by: User, at: datetime) -> int:
    """Somebody wants the last days of minutes fetched (again); audited. How many slices it is."""
    with transaction.atomic():
        count = plan_days(days, at=at, again=True)
        audit.record("usage.history_asked", f"days/{days}", actor_id=by.pk, at=at)
    return count


def to_do(*, grain: str, since: datetime) -> QuerySet[BackfillSlice]:
    """What is not there yet, whether it waits after a failure or not."""
    return BackfillSlice.objects.filter(done_at__isnull=True, grain=grain, starts_at__gte=since)


def _planned(pieces: list[Slice], *, at: datetime) -> list[BackfillSlice]:
    """These pieces of every account that has a deployment."""
    accounts = {d.account_key: d for d in metered_deployments()}
    return [
        BackfillSlice(
            subscription_id=deployment.subscription_id,
            region=deployment.region,
            account_key=key,
            grain=GRAINS[piece.grain],
            starts_at=piece.window.start,
            ends_at=piece.window.end,
            planned_at=at,
            not_before=at,
        )
        for key, deployment in accounts.items()
        for piece in pieces
    ]


def backfill_for(seconds: float, *, at: datetime) -> int:
    """Fetches slices until the time is up or nothing is left; answers how many were done.

    One runner at a time: a second one answers 0 at once.
    """
    ends = monotonic() + seconds
    with pipeline_lock("backfill") as ours:
        if not ours:
            return 0
        plan_backfill(at=at)
        return sum(
            len(stretch.rows)
            for stretch in fetch(at=at, goes_on=lambda: monotonic() < ends)
            if not stretch.pulled.problems
        )


def fetch(
    *,
    at: datetime,
    goes_on: Callable[[], bool] = lambda: True,
    grain: str = "",
    since: datetime | None = None,
) -> Iterator[Stretch]:
    """Fetches the slices that are due, newest first, and yields after each stretch.

    `grain` and `since` narrow it down. A stretch with problems stays to do.
    """
    deployments = metered_deployments()
    while goes_on():
        due = _due(at=at, grain=grain, since=since).first()
        if due is None:
            return
        rows = list(_with_same_call(due, at=at))
        yield _fetch_one(rows, deployments, at=at)


def _due(*, at: datetime, grain: str, since: datetime | None) -> QuerySet[BackfillSlice]:
    due = BackfillSlice.objects.filter(done_at__isnull=True, not_before__lte=at)
    if grain:
        due = due.filter(grain=grain)
    if since:
        due = due.filter(starts_at__gte=since)
    return due.order_by("-starts_at", "subscription_id", "region")


def _with_same_call(piece: BackfillSlice, *, at: datetime) -> QuerySet[BackfillSlice]:
    return BackfillSlice.objects.filter(
        subscription_id=piece.subscription_id,
        region=piece.region,
        grain=piece.grain,
        starts_at=piece.starts_at,
        ends_at=piece.ends_at,
        done_at__isnull=True,
        not_before__lte=at,
    )


def _fetch_one(
    rows: list[BackfillSlice], deployments: list[MeteredDeployment], *, at: datetime
) -> Stretch:
    first = rows[0]
    window = Window(first.starts_at, first.ends_at)
    accounts = {row.account_key for row in rows}
    members = [d for d in deployments if d.account_key in accounts]
    pulled = (
        pull_region(
            first.subscription_id, first.region, members, window, STEPS[Grain(first.grain)], at=at
        )
        if members  # else: all of its deployments are gone
        else Pulled()
    )
    if pulled.problems:
        _put_off(rows, " ".join(pulled.problems), at=at)
    else:
        ids = [row.pk for row in rows]
        BackfillSlice.objects.filter(pk__in=ids).update(done_at=at, problem="")
    return Stretch(rows, window, pulled)


def _put_off(rows: list[BackfillSlice], problem: str, *, at: datetime) -> None:
    for row in rows:
        row.attempts += 1
        row.not_before = at + min(LONGEST_WAIT, timedelta(minutes=2) * 2 ** min(row.attempts, 10))
        row.problem = problem
    BackfillSlice.objects.bulk_update(rows, ["attempts", "not_before", "problem"])
