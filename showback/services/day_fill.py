"""Fills one day of the finance time zone: attributed hours, service days, cost lines.

All of it is replaced in one transaction, so filling a day again gives the same rows, and a reader
sees either the old day or the new one.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import astuple
from datetime import date, datetime

from django.conf import settings
from django.db import transaction

from quotas.selectors.metering import service_names
from showback.domain.attribution import Use
from showback.domain.days import HourOfService, largest, total
from showback.domain.months import day_window
from showback.domain.prices import PriceBook
from showback.gateway import finance_zone
from showback.models import CostLine, ServiceDay, ServiceHour, TouchedHour
from showback.services.copying import copy_rows
from showback.services.day_facts import read_day
from showback.services.day_work import WorkedOut, work_out

COUNT_COLUMNS = (
    "ok_requests",
    "throttled_requests",
    "other_requests",
    "spilled_requests",
    "prompt_tokens",
    "generated_tokens",
    "cached_tokens_estimated",
    "capacity_tokens",
    "held_unit_minutes",
    "held_capacity_tokens",
    "peak_tokens_per_minute",
    "throttled_minutes",
    "minutes_received",
    "minutes_expected",
)
HOUR_COLUMNS = ("deployment_id", "service_id", "hour", "method", *COUNT_COLUMNS)
DAY_COLUMNS = ("deployment_id", "service_id", "day", *COUNT_COLUMNS)
LINE_COLUMNS = (
    "day",
    "deployment_id",
    "team_id",
    "currency",
    "service_id",
    "category",
    "meter",
    "quantity",
    "unit",
    "price_id",
    "amount",
    "is_estimated",
    "method",
)


@transaction.atomic
def fill_day(day: date, prices: PriceBook, *, at: datetime) -> None:
    """Replaces the day, as it is known at `at`, and takes away the marks that asked for it.

    Marks go first: what is written after this transaction began to read leaves a mark of its own.
    """
    window = day_window(day, finance_zone())
    inside = {"hour__gte": window.start, "hour__lt": window.end}
    TouchedHour.objects.filter(**inside).delete()
    facts = read_day(day, at=at)
    worked = [work_out(facts, deployment, prices) for deployment in facts.deployments.values()]
    ServiceHour.objects.filter(**inside).delete()
    ServiceDay.objects.filter(day=day).delete()
    CostLine.objects.filter(day=day).delete()
    _write(day, worked)


def _write(day: date, worked: list[WorkedOut]) -> None:
    names = service_names()
    copy_rows(
        "showback_service_hour",
        HOUR_COLUMNS,
        (
            (item.id, hour.service_id, hour.hour, hour.method, *_counts([hour]))
            for item in worked
            for hour in item.hours
        ),
    )
    copy_rows(
        "showback_service_day",
        DAY_COLUMNS,
        (
            (item.id, service_id, day, *_counts(hours))
            for item in worked
            for service_id, hours in _by_service(item.hours)
        ),
    )
    copy_rows(
        "showback_cost_line",
        LINE_COLUMNS,
        (
            (
                day,
                item.id,
                names[line.service_id].team_id if line.service_id is not None else None,
                settings.HEADROOM_CURRENCY,
                *astuple(line),
            )
            for item in worked
            for line in item.lines
        ),
    )


def _by_service(
    hours: Iterable[HourOfService],
) -> Iterable[tuple[int | None, list[HourOfService]]]:
    found: dict[int | None, list[HourOfService]] = defaultdict(list)
    for hour in hours:
        found[hour.service_id].append(hour)
    return found.items()


def _counts(hours: list[HourOfService]) -> tuple[int | None, ...]:
    """In the order of COUNT_COLUMNS."""
    use = sum((hour.use for hour in hours), Use())
    return (
        use.ok,
        use.throttled,
        use.other,
        use.spilled,
        use.prompt,
        use.generated,
        use.cached,
        sum(hour.capacity_tokens for hour in hours),
        sum(hour.held_unit_minutes for hour in hours),
        total(hour.held_capacity_tokens for hour in hours),
        largest(hour.peak_tokens_per_minute for hour in hours),
        total(hour.throttled_minutes for hour in hours),
        sum(hour.minutes_received for hour in hours),
        sum(hour.minutes_expected for hour in hours),
    )
