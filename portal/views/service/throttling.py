"""Why calls of a service were refused (429), what that lost, and what helps."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import numpy as np
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from portal.kernel import formatting
from portal.kernel.charts import Chart
from portal.kernel.clock import now
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from portal.views.service.client_config import Configuration, Limits, configurations
from portal.views.service.incidents import IncidentRow, incident_rows, needed
from portal.views.service.limit_chart import limit_chart
from portal.views.service.periods import PERIODS, Period, address, period_of
from portal.views.service.shaping import advice_for
from portal.views.service.trail import trail_of
from quotas.models import Service
from showback.domain.throttling import Cause
from showback.selectors.scope import label_of
from showback.selectors.throttling import IncidentSeen, ServiceThrottling, service_throttling

# More capacity helps against these.
HELPED_BY_UNITS = (Cause.TOKENS, Cause.REQUESTS, Cause.REQUEST_SLICES, Cause.PTU_FULL)
MOST_ROWS = 20


@dataclass(frozen=True)
class ThrottlingPage:
    """`worst` is the incident of most refused calls; `burst_url` "" where no burst would help."""

    found: ServiceThrottling
    period: Period
    chart: Chart
    incidents: list[IncidentRow]
    worst: IncidentSeen | None
    stats: list[dict[str, Any]]
    period_tabs: list[dict[str, Any]]
    deployment_tabs: list[dict[str, Any]]
    advice: list[str]
    configurations: list[Configuration]
    received: Received
    burst_url: str
    burst_amount: Shown | None

    @property
    def is_incomplete(self) -> bool:
        return self.received.is_incomplete

    @property
    def unlisted(self) -> int:
        """Incidents of the period that are not in the table."""
        return len(self.found.incidents) - len(self.incidents)

    @property
    def minutes(self) -> int:
        refused = self.found.read.minutes.all_refused[self.found.shown]
        return int((refused > 0).sum())

    @property
    def hours_words(self) -> str:
        """What has to be said where refusals are known by the hour alone."""
        words = "Azure told refusals by the hour, not by the minute: when calls were refused and"
        words = f"{words} why cannot be told, and there is nothing to draw."
        if self.found.chosen.spillover_deployment_name:
            words = f"{words} What the spill-over deployment served is among them."
        return words

    @property
    def whose(self) -> str:
        """What has to be said of a shared deployment; "" for one of its own."""
        if not self.found.is_shared:
            return ""
        if self.found.knows_callers:
            return "Several services share it; a gateway measured which calls were this one’s."
        return "Several services share it, and no gateway tells whose calls were refused."


@require_safe
def throttling(request: HttpRequest, slug: str) -> HttpResponse:
    """404 for another team's service: nobody learns what they may not see."""
    user, at = request.user, now()
    rows = Service.objects.visible_to(user).with_asking(user).select_related("team").distinct()
    service = get_object_or_404(rows, slug=slug)
    period = period_of(request.GET.get("period") or "7d")
    found = service_throttling(
        service.pk,
        period.window(at),
        at=at,
        deployment=request.GET.get("deployment", ""),
    )
    context = {
        "service": service,
        "page": None if found is None else _page(service, found, period, at),
        "trail": [*trail_of(service, is_last=False), ("Throttling", "")],
    }
    return render(request, "portal/throttling.html", context)


def _page(
    service: Service, found: ServiceThrottling, period: Period, at: datetime
) -> ThrottlingPage:
    worst = max(found.incidents, key=lambda each: each.refused, default=None)
    extra = worst.extra_units if worst and worst.verdict.cause in HELPED_BY_UNITS else 0
    parts = {"deployment": found.chosen.id, "units": extra}
    return ThrottlingPage(
        found=found,
        period=period,
        chart=limit_chart(found, period_words=f"the last {period.label}"),
        incidents=incident_rows(found, most=MOST_ROWS, at=at),
        worst=worst,
        stats=_stats(found),
        period_tabs=[_tab(each, period, found) for each in PERIODS],
        deployment_tabs=_deployment_tabs(found, period),
        advice=advice_for(worst.verdict if worst else None),
        configurations=configurations(_limits(found)),
        received=found.received,
        burst_url=f"{reverse('request_burst', args=[service.slug])}?{urlencode(parts)}"
        if extra
        else "",
        burst_amount=needed(found, extra) if extra else None,
    )


def _stats(found: ServiceThrottling) -> list[dict[str, Any]]:
    refused = np.maximum(found.read.minutes.all_refused[found.shown], 0)
    known, at_least = bool(found.known_minutes), found.received.at_least
    calls = int(refused.sum())
    lost, low, high = found.share.requests(calls)
    tries = f"≈ {found.share.attempts:.1f} attempts for each call"
    return [
        {
            "label": "Minutes with refusals",
            "value": at_least(formatting.count(int((refused > 0).sum()) if known else None)),
        },
        {
            "label": "Refused attempts",
            "value": at_least(formatting.count(calls if known else None)),
            "hint": "429, retries included",
        },
        {
            "label": "Lost calls ≈",
            "value": at_least(formatting.count(lost if known else None)),
            "hint": _lost_hint(low, high) if known else "no minute has arrived",
        },
        {
            "label": "Retries",
            "value": tries if found.share.is_measured else "not known",
            "hint": "measured from how demand wobbles"
            if found.share.is_measured
            else "1 to 4 attempts for each call",
        },
    ]


def _lost_hint(low: int, high: int) -> str:
    return f"between {low:,} and {high:,}" if high else "nothing was refused"


def _tab(each: Period, period: Period, found: ServiceThrottling) -> dict[str, Any]:
    kept = str(found.chosen.id) if len(found.deployments) > 1 else ""
    return {
        "label": each.label,
        "url": address(period=each.key, deployment=kept),
        "active": each == period,
    }


def _deployment_tabs(found: ServiceThrottling, period: Period) -> list[dict[str, Any]]:
    if len(found.deployments) < 2:
        return []
    return [
        {
            "label": label_of(each),
            "url": address(period=period.key, deployment=str(each.id)),
            "active": each.id == found.chosen.id,
        }
        for each in found.deployments
    ]


def _limits(found: ServiceThrottling) -> Limits:
    read, chosen = found.read, found.chosen
    units = int(read.held[-1])
    answered = int(np.maximum(read.minutes.answered, 0).sum())
    generated = int(np.maximum(read.minutes.generated, 0).sum())
    others = [
        each.name
        for each in found.deployments
        if each.id != chosen.id and each.account_key == chosen.account_key and not each.gone_at
    ]
    return Limits(
        account=chosen.account_resource_id.rpartition("/")[2],
        deployment=chosen.name,
        fallback=chosen.spillover_deployment_name or (others[0] if others else ""),
        tokens_per_minute=read.rate.tokens(units) or None,
        requests_per_minute=read.rate.requests(units) or None,
        mean_answer_tokens=generated // answered if answered else None,
    )
