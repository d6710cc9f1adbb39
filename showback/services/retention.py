"""Drops what is older than the settings keep: minutes, then hours, then days.

Months (UTC) go whole. A month that still waits to be rolled up is kept back until it is. What was
dropped is noted (`Kept`), so that pages say so, and nobody fills a day again whose hours are gone.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Max, QuerySet

from portal.kernel.windows import DAY
from showback.models import (
    AccountHour,
    BackfillSlice,
    CallerHour,
    CallerMinutes,
    CostLine,
    GatewayHour,
    Kept,
    MethodDay,
    MonthToDate,
    ServiceDay,
    ServiceHour,
    TouchedHour,
    UnmappedDay,
    UsagePull,
)
from showback.services.locks import pipeline_lock
from showback.services.partitions import (
    BLOCKS,
    HOURS,
    MINUTES,
    MonthKey,
    drop_partition,
    ensure_partitions,
    month_of,
    months_before,
    name_of,
    partitions_of,
    start_of,
)

# Readers of a table wait behind a drop, so the drop itself does not wait long.
LOCK_TIMEOUT = "5s"


@dataclass(frozen=True)
class Tidied:
    """Partitions that went, and a sentence on each that was kept back."""

    dropped: list[str]
    kept_back: list[str]


def tidy(*, at: datetime) -> Tidied:
    """Makes next month's partitions, and drops what is too old.

    One runner at a time, safe to run again. What is kept back is tried again the next night.
    """
    tidied = Tidied([], [])
    with pipeline_lock("retention") as ours:
        if not ours:
            return tidied
        month = month_of(at)
        with transaction.atomic():
            ensure_partitions([at, start_of(months_before(month, -1))])
        minutes, hours = (months_before(month, kept) for kept in _kept_months())
        for table, oldest in ((MINUTES, minutes), (BLOCKS, minutes), (HOURS, hours)):
            for each in partitions_of(table):
                if each < oldest:
                    _drop(table, each, tidied)
        _tidy_minutes(minutes)
        _tidy_hours(hours)
        if settings.HEADROOM_KEEP_DAYS_MONTHS:
            _tidy_days(months_before(month, settings.HEADROOM_KEEP_DAYS_MONTHS))
    return tidied


def _kept_months() -> tuple[int, int]:
    return settings.HEADROOM_KEEP_MINUTES_MONTHS, settings.HEADROOM_KEEP_HOURS_MONTHS


def _drop(table: str, month: MonthKey, tidied: Tidied) -> None:
    name = name_of(table, month)
    if _waits(month):
        tidied.kept_back.append(f"{name} is kept: some of its hours are not rolled up yet.")
        return
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('lock_timeout', %s, true)", [LOCK_TIMEOUT])
            drop_partition(table, month)
    except OperationalError:
        tidied.kept_back.append(f"{name} is kept: it was being read. It goes another night.")
    else:
        tidied.dropped.append(name)


def _waits(month: MonthKey) -> bool:
    """Whether a mark of the month is still there. A day of another zone may begin outside of it."""
    start, end = start_of(month) - DAY, start_of(months_before(month, -1)) + DAY
    return TouchedHour.objects.filter(hour__gte=start, hour__lt=end).exists()


def _oldest_there(tables: list[str], wanted: MonthKey) -> datetime:
    """From when on all is kept: the wanted month, or an earlier one that was kept back."""
    there = [month for table in tables for month in partitions_of(table)]
    return start_of(min([wanted, *there]))


@transaction.atomic
def _tidy_minutes(oldest: MonthKey) -> None:
    """What belongs to minutes: those of callers, watermarks, and the plan of the history."""
    since = _oldest_there([MINUTES, BLOCKS], oldest)
    _note(Kept.What.MINUTES, since)
    CallerMinutes.objects.filter(hour__lt=since).delete()
    UsagePull.objects.filter(hour__lt=since).delete()
    old = BackfillSlice.objects.filter(ends_at__lte=since)
    # An account without any slice would be planned again: its newest one stays.
    old.exclude(pk__in=_newest_of_accounts()).delete()


def _newest_of_accounts() -> QuerySet[BackfillSlice, int]:
    newest = BackfillSlice.objects.order_by().values("account_key").annotate(pk_=Max("pk"))
    return newest.values_list("pk_", flat=True)


@transaction.atomic
def _tidy_hours(oldest: MonthKey) -> None:
    """What belongs to hours: those of accounts, services and callers, and marks that come too
    late.
    """
    since = _oldest_there([HOURS], oldest)
    _note(Kept.What.HOURS, since)
    for model in (AccountHour, ServiceHour, CallerHour, GatewayHour, TouchedHour):
        model.objects.filter(hour__lt=since).delete()


@transaction.atomic
def _tidy_days(oldest: MonthKey) -> None:
    since = start_of(oldest)
    _note(Kept.What.DAYS, since)
    for model in (ServiceDay, MethodDay, UnmappedDay, CostLine, MonthToDate):
        model.objects.filter(day__lt=since.date()).delete()


def _note(what: Kept.What, since: datetime) -> None:
    """Only ever forward: what a lower setting dropped stays away when it is raised again."""
    there = Kept.objects.filter(what=what)
    if not there.filter(since__gte=since).exists():
        Kept.objects.update_or_create(what=what, defaults={"since": since})
