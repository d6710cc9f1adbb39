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
from django.db.models import F, QuerySet
from django.db.models.functions import Least

from portal import audit
from portal.kernel.windows import DAY, HOUR, MINUTE, Window, floor_to_day, floor_to_hour
from portal.models import User
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.history import MOST_DAYS, Slice, slices, slices_of_minutes
from showback.gateway import finance_zone
from showback.models import BackfillSlice, Grain
from showback.services.locks import pipeline_lock
from showback.services.usage_answer import GRAINS
from showback.services.usage_pull import Pulled, pull_region

LONGEST_WAIT = timedelta(hours=6)
STEPS = {Grain.MINUTE: MINUTE, Grain.HOUR: HOUR}


@dataclass(frozen=True)
class Stretch:
    """Slices that one call fetched: the same window of all accounts of a region.

    `waiting` are those of accounts that could not be read whole: they are tried again later.
    """

    rows: list[BackfillSlice]
    window: Window
    pulled: Pulled
    waiting: list[BackfillSlice]

    @property
    def done(self) -> int:
        return len(self.rows) - len(self.waiting)


@dataclass(frozen=True)
class Asked:
    """What an ask for history came to: pieces that were not to do before, and all that are now."""

    added: int
    to_do: int


def plan_backfill(*, at: datetime) -> int:
    """Plans the history of accounts that have no plan yet; answers how many slices were added."""
    known = set(BackfillSlice.objects.values_list("account_key", flat=True).distinct())
    pieces = slices(at, finance_zone(), days=settings.HEADROOM_BACKFILL_DAYS)
    planned = [row for row in _planned(pieces, at=at) if row.account_key not in known]
    BackfillSlice.objects.bulk_create(planned, ignore_conflicts=True)
    return len(planned)


def plan_days(days: int, *, at: datetime, again_before: datetime | None = None) -> Asked:
    """Plans the minutes of the last days of every account: what is missing, and what waits after a
    failure at once; with `again_before` also what was fetched until then.

    Asking twice is asking once. ValueError for more days than Azure keeps.
    """
    rows = _planned(slices_of_minutes(at, days=days), at=at)
    since = floor_to_day(at) - days * DAY
    planned = BackfillSlice.objects.filter(grain=Grain.MINUTE, starts_at__gte=since)
    with transaction.atomic():
        known = planned.count()
        BackfillSlice.objects.bulk_create(rows, ignore_conflicts=True)
        added = planned.count() - known + _lengthen(planned, at=at)
        if again_before:
            added += planned.filter(done_at__lte=again_before).update(**_anew(at))
        added += planned.filter(done_at__isnull=True, not_before__gt=at).update(not_before=at)
    return Asked(added, to_do(grain=Grain.MINUTE, since=since).count())


def _lengthen(planned: QuerySet[BackfillSlice], *, at: datetime) -> int:
    """A day that was planned while it went on ended at its last whole hour: now it goes further."""
    end = Least(F("starts_at") + DAY, floor_to_hour(at))
    return planned.filter(ends_at__lt=end).update(ends_at=end, **_anew(at))


def _anew(at: datetime) -> dict[str, object]:
    begun = {"planned_at": at, "not_before": at, "done_at": None}
    return {**begun, "attempts": 0, "problem": ""}


def ask_for_history(days: int, *, again: bool = False, by: User, at: datetime) -> Asked:
    """Somebody wants the last days of minutes, with `again` also those that are there; audited.

    What was fetched within the last hour is not fetched again, so a second ask changes nothing.
    """
    with transaction.atomic():
        asked = plan_days(days, at=at, again_before=at - HOUR if again else None)
        if asked.added:
            subject = f"days/{days}"
            audit.record("usage.history_asked", subject, actor_id=by.pk, at=at, pieces=asked.added)
    return asked


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
        goes_on = fetch(at=at, goes_on=lambda: monotonic() < ends)
        return sum(stretch.done for stretch in goes_on)


def fetch(
    *,
    at: datetime,
    goes_on: Callable[[], bool] = lambda: True,
    grain: str = "",
    since: datetime | None = None,
) -> Iterator[Stretch]:
    """Fetches the slices that are due, newest first, and yields after each stretch.

    `grain` and `since` narrow it down. Pieces of accounts that could not be read stay to do.
    """
    deployments = _of_present_accounts(at=at)
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


def _of_present_accounts(*, at: datetime) -> list[MeteredDeployment]:
    """With those that are gone: Azure still tells what they served. It tells nothing of an account
    that is gone itself.
    """
    found = metered_deployments(including_gone_since=at - MOST_DAYS * DAY)
    present = {d.account_key for d in found if d.gone_at is None}
    return [d for d in found if d.account_key in present]


def _fetch_one(
    rows: list[BackfillSlice], deployments: list[MeteredDeployment], *, at: datetime
) -> Stretch:
    first = rows[0]
    window = Window(first.starts_at, first.ends_at)
    accounts = {row.account_key for row in rows}
    members = [
        d
        for d in deployments
        if d.account_key in accounts and (d.gone_at is None or d.gone_at > window.start)
    ]
    pulled = (
        pull_region(
            first.subscription_id, first.region, members, window, STEPS[Grain(first.grain)], at=at
        )
        if members  # else: all of its deployments are gone
        else Pulled()
    )
    waiting = [row for row in rows if row.account_key in pulled.unread_accounts]
    _put_off(waiting, " ".join(pulled.problems), at=at)
    # One that was made longer meanwhile stays to do.
    done = BackfillSlice.objects.filter(
        pk__in={row.pk for row in rows} - {row.pk for row in waiting}, ends_at=window.end
    )
    done.update(done_at=at, problem="")
    return Stretch(rows, window, pulled, waiting)


def _put_off(rows: list[BackfillSlice], problem: str, *, at: datetime) -> None:
    for row in rows:
        row.attempts += 1
        row.not_before = at + min(LONGEST_WAIT, timedelta(minutes=2) * 2 ** min(row.attempts, 10))
        row.problem = problem
    BackfillSlice.objects.bulk_update(rows, ["attempts", "not_before", "problem"])
