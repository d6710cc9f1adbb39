"""Every component in every state on one page: looked at by people, and by the browser tests."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from portal.environment import Mode
from portal.views import styleguide_samples as samples


@login_not_required
def styleguide(request: HttpRequest) -> HttpResponse:
    """Only where the data is invented anyway: the demo and the tests."""
    if settings.MODE == Mode.PRODUCTION:
        raise Http404
    messages.success(request, "Burst approved. It starts Fri 14 Nov, 09:00.")
    messages.error(request, "Azure refused the write: the region's quota is used up.")
    return render(request, "portal/styleguide/page.html", samples.context())
