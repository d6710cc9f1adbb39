"""The capacity calendar of a pool."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from portal.kernel.clock import now
from quotas.models import Pool
from quotas.selectors import words
from quotas.selectors.calendar_page import calendar_page


@require_GET
def show(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)
    page = calendar_page(pool, request.user, request.GET.dict(), at=now())
    context = {"pool": pool, "pool_name": words.pool_name(pool), "page": page}
    return render(request, "quotas/calendar.html", context)
