"""One line for each service: for home pages and lists of services, in a fixed number of queries."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from django.db.models import Count, Max, Q, Sum

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
from showback.models import CostLine, ServiceDay, ServiceHour
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
    """Of services that the caller has found among those its person may see. Six queries."""
    ids = set(names)
    if not ids:
        return []
    deployments = metered_deployments(service_ids=ids)
    now = _now_by_service(deployments, at)
    held = _held_by_service(deployments, at)
    hours = _hours_by_service(ids, at)
    days = _days_by_service(ids, at)
    costs = _costs_by_service(ids, at)
    return [
        ServiceCard(
            service=name,
            now=now.get(key),
            held=held.get(key),
            peak_24_hours=largest(hours[key].peaks),
            received_24_hours=hours[key].received,
            throttled_minutes_today=days[key][0] if key in days else None,
            month_to_date=costs.get(key, (None, 0))[0],
            unpriced_lines=costs.get(key, (None, 0))[1],
            hourly_peaks=hours[key].peaks,
            received_today=days[key][1] if key in days else Received(),
            received_this_month=days[key][2] if key in days else Received(),
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


@dataclass(frozen=True)
class _Hours:
    """The last hours of a service, this one last: peak minutes (None: none known), and what came.

    Of this hour and the one before minutes may be on their way, so they are not in `received`.
    """

    peaks: list[int | None]
    received: Received = Received()


def _hours_by_service(ids: set[int], at: datetime) -> dict[int, _Hours]:
    first = floor_to_hour(at) - (SPARK_HOURS - 1) * HOUR
    rows = (
        ServiceHour.objects.filter(service_id__in=ids, hour__gte=first, hour__lte=at)
        .values("service_id", "hour")
        .annotate(
            peak=Max("peak_tokens_per_minute"),
            received=Sum("minutes_received"),
            due=Sum("minutes_expected"),
        )
        .order_by()
    )
    found = {key: _Hours([None] * SPARK_HOURS) for key in ids}
    settled = floor_to_hour(at) - HOUR
    for row in rows:
        of, slot = found[row["service_id"]], int((row["hour"] - first) / HOUR)
        of.peaks[slot] = row["peak"]
        if row["hour"] < settled:
            received = of.received + Received(row["received"], row["due"])
            found[row["service_id"]] = replace(of, received=received)
    return found


def _days_by_service(
    ids: set[int], at: datetime
) -> dict[int, tuple[int | None, Received, Received]]:
    """(429 minutes of today, received of today, of the month so far), in the finance time zone."""
    today = day_of(at, finance_zone())
    first, is_today = Month.of(today).first_day, Q(day=today)
    rows = (
        ServiceDay.objects.filter(service_id__in=ids, day__gte=first, day__lte=today)
        .values("service_id")
        .annotate(
            throttled=Sum("throttled_minutes", filter=is_today),
            received=Sum("minutes_received", filter=is_today, default=0),
            due=Sum("minutes_expected", filter=is_today, default=0),
            received_in_all=Sum("minutes_received"),
            due_in_all=Sum("minutes_expected"),
        )
        .order_by()
    )
    return {
        row["service_id"]: (
            row["throttled"],
            Received(row["received"], row["due"]),
            Received(row["received_in_all"], row["due_in_all"]),
        )
        for row in rows
    }


def _costs_by_service(ids: set[int], at: datetime) -> dict[int, tuple[Decimal | None, int]]:
    """(exact amount, unpriced lines) since the month began."""
    first = Month.of(day_of(at, finance_zone())).first_day
    rows = (
        CostLine.objects.filter(service_id__in=ids, day__gte=first)
        .values("service_id")
        .annotate(amount=Sum("amount"), unpriced=Count("id", filter=Q(price__isnull=True)))
        .order_by()
    )
    return {row["service_id"]: (row["amount"], row["unpriced"]) for row in rows}
