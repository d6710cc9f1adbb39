"""The list of services. The page of one service joins both apps, so it is in the portal."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from portal.kernel.clock import now
from quotas.selectors.services import service_list


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "quotas/services.html",
        vars(service_list(request.user, request.GET.dict(), at=now())),
    )
