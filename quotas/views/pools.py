"""Pools: the list, one pool, and switching it between observing and applying."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.clock import now
from quotas.models import Pool
from quotas.selectors.pool_page import pool_page
from quotas.selectors.pools import pool_list
from quotas.services.pools import switch_mode

SWITCHED = {
    Pool.Mode.APPLY: "Applying is on: the next run, within 30 seconds, writes what is due.",
    Pool.Mode.OBSERVE: "Observe only: plans are still made, nothing is written any more.",
}
OBSERVE_ONLY = "Plans for this pool are made and shown; nothing is written to Azure."


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "quotas/pools.html", {"pools": pool_list(request.user, at=now())})


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)
    page = pool_page(pool, request.user, at=now())
    is_quiet = pool.applies or pool.gone_at or not pool.is_allocatable
    banner = "" if is_quiet else OBSERVE_ONLY
    context = {"page": page, "row": page.row, "pool": pool, "observe_only_banner": banner}
    return render(request, "quotas/pool.html", context)


@require_POST
def mode(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)
    switch_mode(pool, mode=request.POST.get("mode", ""), by=request.user, at=now())
    messages.success(request, SWITCHED[Pool.Mode(pool.mode)])
    return redirect("pool", pk=pk)
