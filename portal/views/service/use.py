"""Use, cost and their marks on a service's page: figures, the one chart, and tabs to change it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import get_current_timezone

from portal.kernel import formatting
from portal.kernel.charts import Chart
from portal.kernel.shown import Shown
from portal.views.service.chart import use_chart
from portal.views.service.periods import PERIODS, Period, address
from quotas.models import Service
from quotas.selectors.service_capacity import ServiceCapacity
from showback.selectors.data_age import data_until
from showback.selectors.deployment_use import DeploymentUse
from showback.selectors.grounds import Grounds, grounds_of
from showback.selectors.methods import MethodShare
from showback.selectors.scope import running_month
from showback.selectors.service_costs import MonthToDate
from showback.selectors.service_use import MINUTES_UP_TO, ServiceUse, UseFigures, service_use


@dataclass(frozen=True)
class ServiceFigures:
    """`peak_share` is a fraction; `chart` None: nothing is mapped to the service."""

    period: Period
    figures: UseFigures
    chart: Chart | None
    period_tabs: list[dict[str, Any]]
    deployment_tabs: list[dict[str, Any]]
    stats: list[dict[str, Any]]
    refused_minutes: int | None
    grounds: Grounds
    data_until: datetime | None
    month_url: str

    @property
    def is_incomplete(self) -> bool:
        return self.figures.received.is_incomplete


def service_figures(
    service: Service,
    capacity: ServiceCapacity,
    period: Period,
    shares: Sequence[MethodShare],
    *,
    deployment: str,
    spent: MonthToDate,
) -> ServiceFigures:
    """`capacity` is the service's over the period in whole steps, `shares` how its use is known."""
    found, at = service_use(capacity), capacity.at
    chosen = _chosen(found, deployment)
    ids = [use.deployment_id for use in found.deployments]
    month = str(running_month(at=at))
    return ServiceFigures(
        period=period,
        figures=found.figures,
        chart=_chart(chosen, capacity, period),
        period_tabs=_period_tabs(period, chosen, found),
        deployment_tabs=_deployment_tabs(period, chosen, found),
        stats=_stats(found, period) + [_cost(spent)],
        refused_minutes=found.figures.throttled_minutes,
        grounds=grounds_of(ids, found.window, shares),
        data_until=data_until(at),
        month_url=reverse("showback_service", args=[month, service.team.slug, service.slug]),
    )


def _chosen(found: ServiceUse, deployment: str) -> DeploymentUse | None:
    """The deployment that was asked for, else the one of which most is held."""
    named = [use for use in found.deployments if str(use.deployment_id) == deployment]
    if named:
        return named[0]
    return max(found.deployments, key=_held_now, default=None)


def _held_now(use: DeploymentUse) -> int:
    return int(use.held_units[-1]) * (use.tokens_per_unit or 1) if use.held_units.size else 0


def _chart(use: DeploymentUse | None, capacity: ServiceCapacity, period: Period) -> Chart | None:
    if use is None:
        return None
    return use_chart(
        use,
        period_words=f"the last {period.label}",
        limit_units=capacity.limits[use.deployment_id],
        zone=get_current_timezone(),
    )


def _period_tabs(
    period: Period, chosen: DeploymentUse | None, found: ServiceUse
) -> list[dict[str, Any]]:
    kept = str(chosen.deployment_id) if chosen and len(found.deployments) > 1 else ""
    return [
        {
            "label": each.label,
            "url": address(period=each.key, deployment=kept),
            "active": each == period,
        }
        for each in PERIODS
    ]


def _deployment_tabs(
    period: Period, chosen: DeploymentUse | None, found: ServiceUse
) -> list[dict[str, Any]]:
    """None where there is nothing to choose."""
    if len(found.deployments) < 2:
        return []
    return [
        {
            "label": use.label,
            "url": address(period=period.key, deployment=str(use.deployment_id)),
            "active": use == chosen,
        }
        for use in found.deployments
    ]


def _stats(found: ServiceUse, period: Period) -> list[dict[str, Any]]:
    figures, amount = found.figures, _amount_of(found)
    by_minute = period.length <= MINUTES_UP_TO
    share = figures.now / figures.held if figures.now is not None and figures.held else None
    at_least, calls = figures.received.at_least, formatting.count(figures.throttled_requests)
    now = {
        "label": "Used now",
        "value": amount(figures.now),
        "hint": format_html("{} of what is held", formatting.percent(share)),
    }
    return [
        *([now] if by_minute else []),
        {
            "label": f"Peak, {period.label}",
            "value": at_least(amount(figures.peak)),
            "hint": format_html("{} of what was held", formatting.percent(figures.peak_of_held)),
        },
        {
            "label": "p95",
            "value": amount(figures.p95),
            "hint": "of the minutes" if by_minute else "of the peak minutes of hours",
        },
        {
            "label": "Minutes with refusals",
            "value": at_least(formatting.count(figures.throttled_minutes)),
            "hint": format_html("{} calls (429)", at_least(calls)),
        },
    ]


def _amount_of(found: ServiceUse):  # type: ignore[no-untyped-def]
    """How to write capacity: PTUs where everything is provisioned alike, else tokens a minute."""
    rates = {use.tokens_per_unit for use in found.deployments}
    weighted = all(use.unit.startswith("weighted") for use in found.deployments)
    if found.deployments and weighted and len(rates) == 1 and (rate := rates.pop()):
        return lambda tokens: formatting.compact(
            None if tokens is None else round(tokens / rate, 1), "PTU"
        )
    return formatting.tpm


def _cost(spent: MonthToDate) -> dict[str, Any]:
    shown = formatting.money(spent.amount, settings.HEADROOM_CURRENCY)
    if spent.received.is_incomplete:
        shown = spent.received.at_least(shown)
    elif spent.amount is not None and spent.has_estimates:
        shown = Shown(f"≈ {shown}", exact=f"estimated: {shown.exact}", value=shown.value)
    hint = f"{spent.unpriced} lines have no price" if spent.unpriced else "list prices"
    return {"label": "This month so far", "value": shown, "hint": hint}
