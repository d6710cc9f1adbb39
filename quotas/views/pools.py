"""Pools: the list, and switching one between observing and applying."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.clock import now
from quotas.models import Pool
from quotas.selectors.pools import pool_list
from quotas.services.pools import switch_mode

SWITCHED = {
    Pool.Mode.APPLY: "Applying is on: the next run, within 30 seconds, writes what is due.",
    Pool.Mode.OBSERVE: "Observe only: plans are still made, nothing is written any more.",
}


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "quotas/pools.html",
        {"pools": pool_list(request.user, request.GET.dict(), at=now())},
    )


@require_POST
def mode(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)
    switch_mode(pool, mode=request.POST.get("mode", ""), by=request.user, at=now())
    messages.success(request, SWITCHED[Pool.Mode(pool.mode)])
    return redirect("pool", pk=pk)
