"""Keeps days up to date: what something touched, and what goes on by itself.

What a day depends on leaves marks (`TouchedHour`), by deployment: new or late use, changed
mappings, new prices. Holding and capacity leave none: while a day is going on, what it was made of
is compared with what it would be made of now (`day_facts.DayInputs.basis`).
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from time import monotonic

from django.db import transaction
from django.db.models import Max

from portal.kernel.windows import HOUR
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.months import Month, day_of, day_window, month_window
from showback.gateway import finance_zone
from showback.models import (
    CapacitySeen,
    DayBasis,
    DeploymentSeen,
    JobDone,
    Kept,
    ServiceDay,
    TouchedHour,
    UsageHour,
)
from showback.selectors.kept import kept_since
from showback.services.day_fill import fill_day
from showback.services.locks import pipeline_lock

LONGEST_RUN_SECONDS = 25.0
# After midnight the last minutes of yesterday still settle, and its capacity was held to the end.
YESTERDAY_STAYS_OPEN = timedelta(hours=2)


def roll_up_and_cost(*, at: datetime, seconds: float = LONGEST_RUN_SECONDS) -> list[date]:
    """Fills the days that need it, newest first, until done or the time is up; answers which.

    One runner at a time: a second one does nothing. What is left keeps its marks for the next run.
    """
    with pipeline_lock("showback-rollup") as ours:
        if not ours:
            return []
        note_changes(at=at)
        return _fill(days_to_fill(at), seconds, at=at)


def _fill(days: Sequence[date], seconds: float, *, at: datetime) -> list[date]:
    ends = monotonic() + seconds
    open_since = _open_since(at)
    filled: list[date] = []
    for position, day in enumerate(days, start=1):
        if fill_day(day, at=at, is_going_on=day >= open_since):
            filled.append(day)
            if monotonic() > ends and position < len(days):
                return filled
    JobDone.objects.update_or_create(job=JobDone.Job.ROLL_UP, defaults={"at": at})
    return filled


def days_to_fill(at: datetime) -> list[date]:
    """Those that go on and those with marks, newest first."""
    zone = finance_zone()
    today = day_of(at, zone)
    days = {day_of(hour, zone) for hour in TouchedHour.objects.values_list("hour", flat=True)}
    days |= {today, _open_since(at)}
    # A day whose hours were dropped stays as it is: nothing is left to work it out from.
    since = kept_since(Kept.What.HOURS)
    return sorted(
        (
            day
            for day in days
            if day <= today and (since is None or day_window(day, zone).start >= since)
        ),
        reverse=True,
    )


def _open_since(at: datetime) -> date:
    return day_of(at - YESTERDAY_STAYS_OPEN, finance_zone())


@transaction.atomic
def note_changes(*, at: datetime) -> None:
    """Notes what Azure has deployed, marks the open months of deployments mapped anew, and days
    that were going on when the last roll-up ran, and are over.
    """
    deployments = metered_deployments()
    _note_capacity(deployments)
    _note_gone(at=at)
    _note_mappings(deployments, at=at)
    _note_missed_days(at=at)


def _note_missed_days(*, at: datetime) -> None:
    zone, open_since = finance_zone(), _open_since(at)
    last = ServiceDay.objects.aggregate(last=Max("day"))["last"] or open_since
    missed = [last + timedelta(days=n) for n in range((open_since - last).days)]
    TouchedHour.objects.bulk_create(
        [TouchedHour(hour=day_window(day, zone).start) for day in missed]
    )
    DayBasis.objects.filter(day__lt=open_since).delete()


def _note_capacity(deployments: list[MeteredDeployment]) -> None:
    latest: dict[int, CapacitySeen] = {}
    for row in CapacitySeen.objects.order_by("deployment_id", "-seen_at").distinct("deployment_id"):
        latest[row.deployment_id] = row
    CapacitySeen.objects.bulk_create(
        [
            CapacitySeen(deployment_id=d.id, seen_at=d.observed_at, units=d.capacity_units)
            for d in deployments
            if d.is_provisioned and _is_news(d, latest.get(d.id))
        ],
        ignore_conflicts=True,
    )


def _note_gone(*, at: datetime) -> None:
    """What is gone has no capacity, also where one of the same name comes back later."""
    since = day_window(_open_since(at), finance_zone()).start
    gone = {
        d.id: d.gone_at
        for d in metered_deployments(including_gone_since=since)
        if d.gone_at and d.is_provisioned
    }
    latest = CapacitySeen.objects.filter(deployment_id__in=gone)
    latest = latest.order_by("deployment_id", "-seen_at").distinct("deployment_id")
    CapacitySeen.objects.bulk_create(
        [
            CapacitySeen(deployment_id=row.deployment_id, seen_at=gone[row.deployment_id], units=0)
            for row in latest
            if row.units and row.seen_at < gone[row.deployment_id]
        ],
        ignore_conflicts=True,
    )


def _is_news(deployment: MeteredDeployment, latest: CapacitySeen | None) -> bool:
    if latest is None:
        return True
    later = deployment.observed_at > latest.seen_at
    return later and deployment.capacity_units != latest.units


def _note_mappings(deployments: list[MeteredDeployment], *, at: datetime) -> None:
    """History that nobody held belongs to the service a deployment is mapped to: so a new mapping
    changes it. Months before the last one stay as they are.
    """
    seen = dict(DeploymentSeen.objects.values_list("deployment_id", "service_id"))
    changed = [d for d in deployments if seen.get(d.id, -1) != d.service_id]
    if not changed:
        return
    DeploymentSeen.objects.bulk_create(
        [DeploymentSeen(deployment_id=d.id, service_id=d.service_id) for d in changed],
        update_conflicts=True,
        unique_fields=["deployment_id"],
        update_fields=["service_id"],
    )
    remapped = [d.id for d in changed if d.id in seen]
    _touch_open_months(remapped, at=at)


def _touch_open_months(deployment_ids: list[int], *, at: datetime) -> None:
    zone = finance_zone()
    start = month_window(Month.of(day_of(at, zone)).previous, zone).start
    hours = UsageHour.objects.filter(deployment_id__in=deployment_ids, hour__gte=start)
    days = {
        (deployment, day_of(hour, zone)): hour
        for deployment, hour in hours.values_list("deployment_id", "hour")
    }
    TouchedHour.objects.bulk_create(
        [TouchedHour(hour=hour, deployment_id=key[0]) for key, hour in days.items()]
    )


def fill_everything(*, at: datetime) -> list[date]:
    """Every day that is marked, however long it takes: for commands and tests."""
    return roll_up_and_cost(at=at, seconds=float(24 * HOUR.total_seconds()))
