"""One line for each service: for home pages and lists of services, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from portal.kernel.received import Received
from portal.kernel.sparkline import Sparkline, sparkline
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour
from portal.models import User
from quotas.selectors.metering import (
    HeldSpan,
    MeteredDeployment,
    ServiceName,
    held_spans,
    metered_deployments,
    service_names,
)
from showback.domain.days import largest
from showback.domain.measures import MISSING
from showback.domain.minutes import settled_until
from showback.domain.months import Month, day_of
from showback.gateway import finance_zone
from showback.selectors.deployment_use import ptu_model_of, tokens_per_unit_of
from showback.selectors.minutes import LOAD_MEASURES, load, read_minutes

SPARK_HOURS = 24


@dataclass(frozen=True)
class ServiceCard:
    """Tokens per minute; None: not known, never nought.

    `now` is the newest settled minute of the last twenty, and like `held` in the unit of capacity
    (weighted where provisioned). `peak_24_hours` is the largest minute of any of its deployments,
    in plain tokens, as are `hourly_peaks`: of this hour and the 23 before it, oldest first.
    """

    service: ServiceName
    now: int | None
    held: int | None
    peak_24_hours: int | None
    received_24_hours: Received
    throttled_minutes_today: int | None
    month_to_date: Decimal | None
    unpriced_lines: int
    hourly_peaks: list[int | None]
    received_today: Received
    received_this_month: Received
    is_weighted: bool

    @property
    def used_of_held(self) -> float | None:
        return self.now / self.held if self.now is not None and self.held else None

    @property
    def sparkline(self) -> Sparkline:
        label = f"Peak use of {self.service.name} in each of the last {SPARK_HOURS} hours"
        # Plain peaks under a weighted limit would compare what does not compare.
        limit = None if self.is_weighted else self.held
        return sparkline(self.hourly_peaks, label=label, limit=limit)


def service_cards(
    user: User, *, at: datetime, service_ids: Iterable[int] | None = None
) -> list[ServiceCard]:
    """Of the services that the person may see (and that are asked for), by name."""
    return cards_of(service_names(service_ids, visible_to=user), at=at)


def cards_of(names: Mapping[int, ServiceName], *, at: datetime) -> list[ServiceCard]:
    """Of services that the caller has found among those its person may see. Four queries."""
    if not names:
        return []
    deployments = metered_deployments(service_ids=names)
    now = _now_by_service(deployments, at)
    held = _held_by_service(deployments, at)
    so_far = _so_far(names, at)
    return [
        ServiceCard(
            service=name,
            now=now.get(key),
            held=held.get(key),
            peak_24_hours=largest(so_far[key].peaks),
            received_24_hours=so_far[key].received_24_hours,
            throttled_minutes_today=so_far[key].throttled_minutes_today,
            month_to_date=so_far[key].month_to_date,
            unpriced_lines=so_far[key].unpriced_lines,
            hourly_peaks=so_far[key].peaks,
            received_today=so_far[key].received_today,
            received_this_month=so_far[key].received_this_month,
            is_weighted=any(d.service_id == key and ptu_model_of(d) for d in deployments),
        )
        for key, name in sorted(names.items(), key=lambda item: item[1].name)
    ]


def _now_by_service(deployments: list[MeteredDeployment], at: datetime) -> dict[int, int]:
    """The newest minute that came of each deployment, summed; one read for all of them."""
    end = settled_until(at)
    window = Window(end - 20 * MINUTE, end)
    found = read_minutes([d.id for d in deployments], window, LOAD_MEASURES)
    totals: dict[int, int] = defaultdict(int)
    unknown = set()
    for deployment in deployments:
        used = load(found[deployment.id], ptu_model_of(deployment))
        known = used[used != MISSING]
        if deployment.service_id is None or not known.size:
            unknown.add(deployment.service_id)
        else:
            totals[deployment.service_id] += int(known[-1])
    return {service: total for service, total in totals.items() if service not in unknown}


def _held_by_service(deployments: list[MeteredDeployment], at: datetime) -> dict[int, int | None]:
    """Tokens per minute in force at `at`; None where a unit's rate is not known."""
    rates = {d.id: tokens_per_unit_of(d) for d in deployments}
    spans = held_spans(Window(at, at + MINUTE), deployment_ids=rates)
    totals: dict[int, int | None] = {}
    for span in spans:
        if span.service_id is not None and _is_in_force(span, at):
            rate, known = rates[span.deployment_id], totals.get(span.service_id, 0)
            totals[span.service_id] = (
                None if rate is None or known is None else known + span.units * rate
            )
    return totals


def _is_in_force(span: HeldSpan, at: datetime) -> bool:
    return span.window.start <= at


# Of each service: the largest minute of each hour, what came of the hours that are settled (of this
# one and the one before minutes may be on their way); its days and its cost since the month began.
SO_FAR = """
SELECT service.id, hours.*, days.*, costs.*
FROM unnest(%(ids)s::bigint[]) AS service(id),
LATERAL (
    SELECT array_agg(there.peak ORDER BY slot.hour),
           coalesce(sum(there.received) FILTER (WHERE slot.hour < %(settled)s), 0)::bigint,
           coalesce(sum(there.due) FILTER (WHERE slot.hour < %(settled)s), 0)::bigint
    FROM generate_series(%(first_hour)s, %(hour)s, interval '1 hour') AS slot(hour)
    LEFT JOIN (
        SELECT hour, max(peak_tokens_per_minute) AS peak,
               sum(minutes_received) AS received, sum(minutes_expected) AS due
        FROM showback_service_hour
        WHERE service_id = service.id AND hour >= %(first_hour)s AND hour <= %(hour)s
        GROUP BY hour
    ) there USING (hour)
) hours,
LATERAL (
    SELECT sum(throttled_minutes) FILTER (WHERE day = %(today)s),
           coalesce(sum(minutes_received) FILTER (WHERE day = %(today)s), 0),
           coalesce(sum(minutes_expected) FILTER (WHERE day = %(today)s), 0),
           coalesce(sum(minutes_received), 0), coalesce(sum(minutes_expected), 0)
    FROM showback_service_day
    WHERE service_id = service.id AND day >= %(first_day)s AND day <= %(today)s
) days,
LATERAL (
    SELECT sum(amount), count(*) FILTER (WHERE price_id IS NULL) FROM showback_cost_line
    WHERE service_id = service.id AND day >= %(first_day)s
) costs"""


@dataclass(frozen=True)
class _SoFar:
    """What rolled-up hours, days and cost lines say of one service; `peaks` by hour, this one last.

    Days are those of the finance time zone; None: not known. The cost is exact.
    """

    peaks: list[int | None]
    received_24_hours: Received
    throttled_minutes_today: int | None
    received_today: Received
    received_this_month: Received
    month_to_date: Decimal | None
    unpriced_lines: int


def _so_far(ids: Iterable[int], at: datetime) -> dict[int, _SoFar]:
    """By service id, of every one. One query."""
    hour, today = floor_to_hour(at), day_of(at, finance_zone())
    asked = {
        "ids": list(ids),
        "hour": hour,
        "first_hour": hour - (SPARK_HOURS - 1) * HOUR,
        "settled": hour - HOUR,
        "today": today,
        "first_day": Month.of(today).first_day,
    }
    with connection.cursor() as cursor:
        cursor.execute(SO_FAR, asked)
        rows = cursor.fetchall()
    return {
        row[0]: _SoFar(
            row[1], Received(*row[2:4]), row[4], Received(*row[5:7]), Received(*row[7:9]), *row[9:]
        )
        for row in rows
    }
