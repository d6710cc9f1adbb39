"""The page of a service: what it holds and used (quotas, showback), whose it is, what it costs."""

from dataclasses import replace

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from portal.kernel.charts import Chart
from portal.kernel.clock import now
from portal.views.service.periods import period_of
from portal.views.service.trail import trail_of
from portal.views.service.use import service_figures
from quotas.selectors.service_capacity import service_capacity
from quotas.selectors.service_page import newest_and_live, service_page, services_with_people
from showback.selectors.service_costs import CHART_DAYS, ServiceCosts, service_costs
from showback.selectors.service_methods import service_methods
from showback.selectors.service_use import in_whole_steps


@require_safe
def service(request: HttpRequest, slug: str) -> HttpResponse:
    """404 for another team's service: nobody learns what they may not see."""
    user, at = request.user, now()
    found = get_object_or_404(services_with_people(user), slug=slug)
    period = period_of(request.GET.get("period"))
    window = in_whole_steps(period.window(at))
    methods = service_methods(found.pk, window, at=at)
    asked = newest_and_live(found, user, at=at)
    capacity = service_capacity(found.pk, window, at=at, others=methods.shared, requests=asked)
    costs = service_costs(found.pk, at=at)
    page = service_page(found, user, capacity, asked, at=at)
    context = {
        "service": found,
        "page": page,
        "is_applied": all(row.grant and row.grant.standing.applied for row in page.running),
        "use": service_figures(
            found,
            capacity,
            period,
            methods.shares,
            deployment=request.GET.get("deployment", ""),
            spent=costs.month,
        ),
        "shared_use": methods.shared_use(capacity.names),
        "cost_chart": _cost_chart(costs),
        "trail": trail_of(found),
    }
    return render(request, "portal/service.html", context)


def _cost_chart(costs: ServiceCosts) -> Chart | None:
    if not _has_amounts(costs.chart):
        return None
    words = f"The last {CHART_DAYS} days at list prices. {costs.chart.summary}".strip()
    return replace(costs.chart, summary=words, size="short")


def _has_amounts(chart: Chart) -> bool:
    """A chart of nothing but unpriced use would be a picture of noughts."""
    return any(amount for row in chart.spec["categories"] for amount in row["values"])
