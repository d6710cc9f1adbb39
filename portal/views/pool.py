"""The page of a pool: what it has promised (quotas), and who absorbs its refusals (showback)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from portal.kernel import formatting
from portal.kernel.clock import now
from portal.kernel.shown import Shown
from quotas.selectors.pool_deployments import PoolDeployment
from quotas.selectors.pool_page import pool_page, pools_with_reviews
from showback.selectors.pool_throttling import Absorbed, absorbed_by

OBSERVE_ONLY = "Plans for this pool are made and shown; nothing is written to Azure."


@dataclass(frozen=True)
class AbsorbedRow:
    """One line of the table; `share` of all refused attempts of 28 days, a fraction."""

    service: str
    slug: str
    tier: str
    tier_order: int
    minutes: list[Shown]
    refused: list[Shown]
    share: float


@require_GET
def pool(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(pools_with_reviews(request.user), pk=pk)
    at = now()
    page = pool_page(found, request.user, at=at)
    is_quiet = found.applies or found.gone_at or not found.is_allocatable
    context = {
        "page": page,
        "row": page.row,
        "pool": found,
        "absorbed": _absorbed(page.deployments, at=at),
        "observe_only_banner": "" if is_quiet else OBSERVE_ONLY,
    }
    return render(request, "quotas/pool.html", context)


def _absorbed(deployments: Mapping[int, PoolDeployment], *, at: datetime) -> list[AbsorbedRow]:
    lines = absorbed_by(deployments, at=at)
    total = sum(line.refused[-1] for line in lines)
    return [_row(line, total) for line in lines]


def _row(line: Absorbed, total: int) -> AbsorbedRow:
    return AbsorbedRow(
        service=line.service,
        slug=line.slug,
        tier=line.tier_name,
        tier_order=line.tier or 9,
        minutes=[formatting.count(count) for count in line.minutes],
        refused=[formatting.count(count) for count in line.refused],
        share=line.refused[-1] / total if total else 0.0,
    )
