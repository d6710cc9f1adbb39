"""What the page of a service needs of its use and cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import Count, Q, Sum
from numpy.typing import NDArray

from portal.kernel.charts import Chart
from portal.kernel.money import ZERO
from portal.kernel.received import Received
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to
from portal.models import User
from quotas.selectors.metering import (
    deployments_of_service,
    held_spans,
    sees_service,
)
from showback.domain.days import total
from showback.domain.measures import MISSING
from showback.domain.months import Month, day_of
from showback.domain.percentiles import percentiles
from showback.gateway import finance_zone
from showback.models import CostLine, ServiceDay
from showback.selectors.cost_charts import cost_by_day
from showback.selectors.deployment_use import (
    MINUTES_UP_TO,
    DeploymentUse,
    deployment_uses,
    newest_of,
)

Ints = NDArray[np.int64]
# A minute older than this is no "now".
NOW_WITHIN = timedelta(minutes=20)
FURTHEST_BURST_END = timedelta(days=92)
CHART_DAYS = 30


@dataclass(frozen=True)
class UseFigures:
    """For the answer line. Tokens per minute, over the window; None: not known, never nought.

    Peaks and percentiles are of all deployments together, minute by minute (hour by hour beyond two
    days), and so are minutes with refusals; beyond two days those are of each deployment, together.
    `peak_of_held` is the largest share of what was held at its own moment.
    """

    now: int | None
    newest_minute: datetime | None
    held: int | None
    burst: int | None
    burst_until: datetime | None
    peak: int | None
    peak_of_held: float | None
    p95: int | None
    throttled_minutes: int | None
    throttled_requests: int | None
    received: Received


@dataclass(frozen=True)
class MonthToDate:
    """Exact; `unpriced` lines are not in it. `amount` None: nothing is priced yet.

    `received`: of the minutes of use behind it.
    """

    amount: Decimal | None
    unpriced: int
    has_estimates: bool
    received: Received


@dataclass(frozen=True)
class ServiceCosts:
    """`chart`: the last 30 days by category, exact."""

    month: MonthToDate
    chart: Chart


@dataclass(frozen=True)
class ServiceUse:
    window: Window
    step: timedelta
    deployments: list[DeploymentUse]
    figures: UseFigures


def service_use(user: User, service_id: int, window: Window, *, at: datetime) -> ServiceUse | None:
    """Use against held capacity of every deployment that the service is mapped to or held.

    The window is widened to whole minutes, beyond 48 hours to whole hours. None for a service that
    the person may not see.
    """
    if not sees_service(user, service_id):
        return None
    step = MINUTE if window.length <= MINUTES_UP_TO else HOUR
    whole = Window(floor_to(window.start, step), ceil_to(window.end, step))
    deployments = deployments_of_service(service_id, whole)
    spans = held_spans(whole, deployment_ids=[each.id for each in deployments])
    uses = deployment_uses(deployments, spans, whole, at=at)
    return ServiceUse(whole, step, uses, _figures(uses, at=at))


def service_costs(user: User, service_id: int, *, at: datetime) -> ServiceCosts | None:
    """Since the month began (finance time zone), and the last days by category. Two queries; None
    for a service that the person may not see.
    """
    if not sees_service(user, service_id):
        return None
    today = day_of(at, finance_zone())
    first, drawn = Month.of(today).first_day, today - timedelta(days=CHART_DAYS - 1)
    mine = Q(service_id=service_id, day__gte=min(first, drawn))
    lines = list(
        CostLine.objects.filter(mine)
        .order_by()
        .values("category", "day")
        .annotate(
            exact=Sum("amount"),
            unpriced=Count("id", filter=Q(price__isnull=True)),
            estimated=Count("id", filter=Q(is_estimated=True)),
        )
    )
    days = ServiceDay.objects.filter(mine).order_by().values("day")
    came = days.annotate(received=Sum("minutes_received"), due=Sum("minutes_expected"))
    received = {row["day"]: Received(row["received"], row["due"]) for row in came}
    amounts = {
        (row["category"], row["day"]): row["exact"] or ZERO for row in lines if row["day"] >= drawn
    }
    incomplete = {day for day, of in received.items() if of.is_incomplete and day >= drawn}
    return ServiceCosts(
        month=_month_to_date(
            [row for row in lines if row["day"] >= first],
            sum((of for day, of in received.items() if day >= first), Received()),
        ),
        chart=cost_by_day(amounts, frozenset(incomplete)),
    )


def _month_to_date(lines: Sequence[Mapping[str, Any]], received: Received) -> MonthToDate:
    priced = [row["exact"] for row in lines if row["exact"] is not None]
    return MonthToDate(
        sum(priced, ZERO) if priced else None,
        sum(row["unpriced"] for row in lines),
        any(row["estimated"] for row in lines),
        received,
    )


def ceil_to(at: datetime, step: timedelta) -> datetime:
    floor = floor_to(at, step)
    return floor if floor == at else floor + step


def _figures(uses: list[DeploymentUse], *, at: datetime) -> UseFigures:
    used, throttled = _together([u.used for u in uses]), _together([u.throttled for u in uses])
    held = _held(uses)
    known = used[used != MISSING]
    p95, peak = percentiles(known, (0.95, 1.0)) or (None, None)
    newest = newest_of(uses)
    is_now = newest is not None and at - newest[0] <= NOW_WITHIN
    calls = throttled[throttled != MISSING]
    held_now, burst_now, until = _held_now(uses, at)
    return UseFigures(
        now=newest[1] if newest and is_now and uses[0].step == MINUTE else None,
        newest_minute=newest[0] if newest else None,
        held=held_now,
        burst=burst_now,
        burst_until=until,
        peak=peak,
        peak_of_held=_peak_of_held(used, held),
        p95=p95,
        throttled_minutes=(
            (int((calls > 0).sum()) if calls.size else None)
            if uses and uses[0].step == MINUTE
            else total(use.refused_minutes for use in uses)
        ),
        throttled_requests=int(calls.sum()) if calls.size else None,
        received=sum((use.received for use in uses), Received()),
    )


def _together(parts: list[Ints]) -> Ints:
    """The sum at each step of what came; a gap where any part is one."""
    if not parts:
        return np.empty(0, dtype=np.int64)
    stacked = np.stack(parts)
    return np.where((stacked == MISSING).any(axis=0), MISSING, stacked.sum(axis=0))


def _held(uses: list[DeploymentUse]) -> Ints | None:
    parts = [use.held for use in uses]
    known = [part for part in parts if part is not None]
    return _together(known) if known and len(known) == len(parts) else None


def _held_now(
    uses: list[DeploymentUse], at: datetime
) -> tuple[int | None, int | None, datetime | None]:
    """Held at `at`, burst of it, and when the last of the bursts in force ends."""
    rates = {use.deployment_id: use.tokens_per_unit for use in uses}
    if not rates or None in rates.values():
        return None, None, None
    held = burst = 0
    until: datetime | None = None
    horizon = Window(at, at + FURTHEST_BURST_END)
    for span in held_spans(horizon, deployment_ids=rates):
        if span.window.start > at:
            continue
        tokens = span.units * (rates[span.deployment_id] or 0)
        held += tokens
        if span.kind == "burst":
            burst += tokens
            until = max(until or span.window.end, span.window.end)
    return held, burst, until if burst else None


def _peak_of_held(used: Ints, held: Ints | None) -> float | None:
    if held is None or not used.size:
        return None
    known = (used != MISSING) & (held > 0)
    return float((used[known] / held[known]).max()) if known.any() else None
