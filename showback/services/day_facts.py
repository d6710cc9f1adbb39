"""All that a day's figures are made of, read once."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from portal.kernel.windows import Window
from quotas.selectors.metering import MeteredDeployment, held_spans, metered_deployments
from showback.domain.holding import ByService, HourKey, Span, deployed_by_hour, held_by_hour
from showback.domain.minutes import settled_until
from showback.domain.months import day_window
from showback.gateway import finance_zone
from showback.models import CapacitySeen, UsageHour


@dataclass(frozen=True)
class DayFacts:
    """`window` is the whole day; `so_far` the part of it that has settled (None: none yet)."""

    day: date
    window: Window
    so_far: Window | None
    deployments: dict[int, MeteredDeployment]
    usage: dict[HourKey, UsageHour]
    held: dict[HourKey, ByService]
    deployed: dict[HourKey, int]


def read_day(day: date, *, at: datetime) -> DayFacts:
    window = day_window(day, finance_zone())
    settled = settled_until(at)
    so_far = Window(window.start, min(settled, window.end)) if settled > window.start else None
    deployments = {d.id: d for d in metered_deployments(including_gone_since=window.start)}
    usage = {
        (row.deployment_id, row.hour): row
        for row in UsageHour.objects.filter(hour__gte=window.start, hour__lt=window.end)
        if row.deployment_id in deployments
    }
    spans = _spans(so_far)
    return DayFacts(
        day=day,
        window=window,
        so_far=so_far,
        deployments=deployments,
        usage=usage,
        held=held_by_hour(spans),
        deployed=_deployed(spans, so_far, deployments),
    )


def _spans(so_far: Window | None) -> list[Span]:
    if so_far is None:
        return []
    return [
        Span(span.deployment_id, span.service_id, span.units, span.window)
        for span in held_spans(so_far)
    ]


def _deployed(
    spans: list[Span], so_far: Window | None, deployments: dict[int, MeteredDeployment]
) -> dict[HourKey, int]:
    """Of provisioned deployments only: elsewhere capacity costs nothing."""
    if so_far is None:
        return {}
    provisioned = {d.id for d in deployments.values() if d.is_provisioned}
    seen: dict[int, list[tuple[datetime, int]]] = defaultdict(list)
    for row in CapacitySeen.objects.filter(deployment_id__in=provisioned):
        seen[row.deployment_id].append((row.seen_at, row.units))
    gone = {d.id: d.gone_at for d in deployments.values() if d.gone_at}
    own = [span for span in spans if span.deployment_id in provisioned]
    return deployed_by_hour(seen, own, so_far, gone)
