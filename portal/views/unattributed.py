"""Unattributed use, worked to zero: callers go to services by showback, deployments by quotas."""

from collections.abc import Sequence
from datetime import datetime

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from portal.access import must_decide_sharing, must_read_everything
from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.models import User
from quotas.models import Deployment, Service
from quotas.selectors.unmapped import nobodys_since
from quotas.services.mapping import map_deployment
from showback.models import Caller
from showback.selectors.unattributed import unattributed
from showback.services.caller_mapping import first_use, map_caller


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    user = must_read_everything(request)
    context = {"page": unattributed(request.GET, at=now()), "may_write": user.is_platform_owner}
    return render(request, "portal/unattributed.html", context)


@posts_from("unattributed")
def give(request: HttpRequest) -> HttpResponse:
    """One bucket (`bucket`) to the chosen `service`, or every `accept` (`caller:7:3`) as shown."""
    user, at = must_decide_sharing(request), now()
    chosen = request.POST.getlist("accept")
    if not chosen:
        chosen = [f"{request.POST.get('bucket', '')}:{request.POST.get('service', '')}"]
    given = _give_all(chosen, by=user, at=at)
    words = given[0] if len(given) == 1 else f"{len(given)} of them have a service now"
    messages.success(request, f"{words}. The figures follow within a minute or two.")
    return redirect("unattributed")


@transaction.atomic
def _give_all(chosen: Sequence[str], *, by: User, at: datetime) -> list[str]:
    """All of them, or none and the reason. A sentence's beginning for each."""
    return [_give(each, by=by, at=at) for each in dict.fromkeys(chosen)]


def _give(chosen: str, *, by: User, at: datetime) -> str:
    kind, _, rest = chosen.partition(":")
    key, _, service_id = rest.partition(":")
    if not _is_id(key) or kind not in ("caller", "deployment"):
        raise DomainError("That is no longer on the page. Look at it again.", code="not_there")
    if not _is_id(service_id):
        raise DomainError("Choose the service whose use this is.", code="no_service")
    service = get_object_or_404(Service, pk=service_id)
    if kind == "deployment":
        deployment = get_object_or_404(Deployment.objects.select_related("account"), pk=key)
        map_deployment(deployment, service=service, by=by, at=at)
        return f"{deployment} belongs to {service} since {nobodys_since(deployment)}"
    caller = get_object_or_404(Caller.objects.select_related("source"), pk=key)
    map_caller(caller, service_id=service.pk, start=first_use(caller, at=at), by=by, at=at)
    return f"{caller} is {service} since its first call"


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18
