"""The capacity calendar of a pool."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_GET

from portal.kernel.clock import now
from quotas.models import Pool
from quotas.selectors import words
from quotas.selectors.calendar import calendar
from quotas.selectors.calendar_file import calendar_file
from quotas.selectors.calendar_page import calendar_page
from quotas.selectors.calendar_ranges import range_of


@require_GET
def show(request: HttpRequest, pk: int) -> HttpResponse:
    pool = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk)
    page = calendar_page(pool, request.user, request.GET.dict(), at=now())
    context = {"pool": pool, "pool_name": words.pool_name(pool), "page": page}
    return render(request, "quotas/calendar.html", context)


@require_GET
def download(request: HttpRequest, pk: int) -> HttpResponse:
    """The bursts of the stretch that the page shows, for a calendar program."""
    pool, at = get_object_or_404(Pool.objects.visible_to(request.user), pk=pk), now()
    shown = range_of(request.GET.dict(), at=at, zone=get_current_timezone())
    found = calendar(pool, request.user, shown.window, at=at, is_whole=True)
    base_url = request.build_absolute_uri("/").rstrip("/")
    content = calendar_file(found, base_url=base_url)
    name = f'attachment; filename="pool-{pk}-{shown.first}.ics"'
    answer = HttpResponse(content, content_type="text/calendar; charset=utf-8")
    answer["Content-Disposition"] = name
    return answer
