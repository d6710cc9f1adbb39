"""Fills one day of the finance time zone: attributed hours, days by service, by method and of
callers that nobody mapped, cost lines, and the month to date.

What is worked out again is replaced in one transaction, so filling a day again gives the same
rows, and a reader sees either the old day or the new one.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple
from datetime import date, datetime

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from portal.kernel.windows import Window
from showback.domain.days import HourOfService, by_method, largest, once_an_hour, total
from showback.domain.months import day_window
from showback.gateway import finance_zone
from showback.models import (
    CostLine,
    DayBasis,
    MethodDay,
    ServiceDay,
    ServiceHour,
    UnmappedDay,
)
from showback.selectors.prices import read_prices
from showback.services.copying import copy_rows
from showback.services.day_facts import DayFacts, DayInputs, read_facts, read_inputs
from showback.services.day_work import WorkedOut, work_out
from showback.services.to_date import sum_from

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
DAY_COLUMNS = ("deployment_id", "service_id", "team_id", "day", *COUNT_COLUMNS)
METHOD_COLUMNS = (
    "deployment_id",
    "day",
    "method",
    "used_tokens",
    "minutes_received",
    "minutes_expected",
)
UNMAPPED_COLUMNS = (
    "day",
    "deployment_id",
    "caller_id",
    "used_tokens",
    "filtered",
    "hours",
    "logged",
)
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
def fill_day(day: date, *, at: datetime, is_going_on: bool) -> int:
    """Brings the day up to what is known at `at`; answers how many deployments were worked out.

    Deployments that a mark names are, or all of them where a mark names none. While the day is
    going on (and its holders and capacity may move without a mark), so are those whose basis is
    another one than last time, and those that spill onto any of them. The rest stays as it is: that
    gives the same rows as filling all.

    Marks go first: what is written after this transaction began to read leaves a mark of its own.
    """
    marked = _take_marks(day_window(day, finance_zone()))
    inputs = read_inputs(day, at=at)
    known = dict(DayBasis.objects.filter(day=day).values_list("deployment_id", "basis"))
    bases = {d: inputs.basis(d) for d in inputs.deployments} if is_going_on else {}
    if None in marked or not (known if is_going_on else ServiceDay.objects.filter(day=day)):
        chosen = None
    else:
        chosen = {d for d in marked if d is not None}
        chosen |= {d for d, _ in bases.items() ^ known.items()} if is_going_on else set()
        chosen = inputs.with_those_who_spill(chosen)
    if chosen is not None and not chosen:
        return 0
    _empty(inputs, chosen)
    there = inputs.deployments.keys()
    present = sorted(there if chosen is None else there & chosen)
    _fill(read_facts(inputs, present))
    sum_from(day)
    _remember(day, bases, chosen)
    return len(present)


def _take_marks(window: Window) -> set[int | None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH taken AS (DELETE FROM showback_touchedhour WHERE hour >= %s AND hour < %s "
            "RETURNING deployment_id) SELECT DISTINCT deployment_id FROM taken",
            [window.start, window.end],
        )
        return {row[0] for row in cursor.fetchall()}


def _empty(inputs: DayInputs, chosen: Collection[int] | None) -> None:
    """Takes the rows of these deployments away; None: of all, also of those that went away."""
    whose = Q() if chosen is None else Q(deployment_id__in=chosen)
    window = inputs.window
    hours = ServiceHour.objects.filter(whose, hour__gte=window.start, hour__lt=window.end)
    for rows in (
        hours,
        ServiceDay.objects.filter(whose, day=inputs.day),
        MethodDay.objects.filter(whose, day=inputs.day),
        CostLine.objects.filter(whose, day=inputs.day),
        UnmappedDay.objects.filter(whose, day=inputs.day),
    ):
        rows.delete()


def _remember(day: date, bases: dict[int, int], chosen: Collection[int] | None) -> None:
    rows = DayBasis.objects.filter(day=day)
    (rows if chosen is None else rows.filter(deployment_id__in=chosen)).delete()
    DayBasis.objects.bulk_create(
        DayBasis(day=day, deployment_id=deployment, basis=basis)
        for deployment, basis in bases.items()
        if chosen is None or deployment in chosen
    )


def _fill(facts: DayFacts) -> None:
    prices = read_prices()
    worked = [work_out(facts, d, prices) for d in facts.deployments.values()]
    _write(facts.day, worked, facts.teams)
    copy_rows(
        "showback_unmapped_day",
        UNMAPPED_COLUMNS,
        ((facts.day, *key, *used) for key, used in facts.sharing.unmapped.items()),
    )


def _write(day: date, worked: list[WorkedOut], teams: Mapping[int, int]) -> None:
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
            (item.id, service_id, _team(teams, service_id), day, *_counts(hours))
            for item in worked
            for service_id, hours in _by_service(item.hours)
        ),
    )
    copy_rows(
        "showback_method_day",
        METHOD_COLUMNS,
        (
            (item.id, day, method, *sums)
            for item in worked
            for method, sums in by_method(item.hours).items()
        ),
    )
    copy_rows(
        "showback_cost_line",
        LINE_COLUMNS,
        (
            (
                day,
                item.id,
                _team(teams, line.service_id),
                settings.HEADROOM_CURRENCY,
                *astuple(line),
            )
            for item in worked
            for line in item.lines
        ),
    )


def _team(teams: Mapping[int, int], service_id: int | None) -> int | None:
    return None if service_id is None else teams[service_id]


def _by_service(
    hours: Iterable[HourOfService],
) -> Iterable[tuple[int | None, list[HourOfService]]]:
    found: dict[int | None, list[HourOfService]] = defaultdict(list)
    for hour in hours:
        found[hour.service_id].append(hour)
    return found.items()


def _counts(hours: list[HourOfService]) -> tuple[int | None, ...]:
    """In the order of COUNT_COLUMNS. What is the hour's counts once, whatever its methods."""
    use = sum((hour.use for hour in hours[1:]), hours[0].use)
    each = once_an_hour(hours)
    return (
        use.ok,
        use.throttled,
        use.other,
        use.spilled,
        use.prompt,
        use.generated,
        use.cached,
        sum(hour.capacity_tokens for hour in hours),
        sum(hour.held_unit_minutes for hour in each),
        total(hour.held_capacity_tokens for hour in each),
        largest(hour.peak_tokens_per_minute for hour in each),
        total(hour.throttled_minutes for hour in each),
        sum(hour.minutes_received for hour in each),
        sum(hour.minutes_expected for hour in each),
    )
