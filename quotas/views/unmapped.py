"""Deployments without a service: who holds them is settled by one click, and undone with a
reason.
"""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms import MapForm
from quotas.forms_changes import ReasonForm
from quotas.models import Deployment
from quotas.selectors import words
from quotas.selectors.unmapped import may_map, nobodys_since, unmapped
from quotas.services.mapping import map_deployment
from quotas.services.refusals import refuse
from quotas.services.unmapping import check_unmapping, unmap_deployment


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(
        request,
        "quotas/unmapped.html",
        {"found": unmapped(request.user, request.GET.dict(), at=now())},
    )


@posts_from("unmapped")
def assign(request: HttpRequest, pk: int) -> HttpResponse:
    """A deployment that somebody mapped meanwhile answers with a sentence, not with 404."""
    rows = Deployment.objects.visible_to(request.user).select_related("account", "service")
    deployment = get_object_or_404(rows, pk=pk)
    if not may_map(request.user, deployment):
        raise refuse("not_an_owner", "Only an owner of the pool may map its deployments.")
    form = MapForm(request.POST, user=request.user)
    if not form.is_valid():
        raise refuse("no_service", "Choose the service that this deployment belongs to.")
    service = form.cleaned_data["service"]
    map_deployment(deployment, service=service, by=request.user, at=now())
    messages.success(
        request, f"{deployment} belongs to {service} since {nobodys_since(deployment)}."
    )
    return redirect("unmapped")


@require_http_methods(["GET", "HEAD", "POST"])
def take_away(request: HttpRequest, pk: int) -> HttpResponse:
    """404 where it is nobody's, or another team's; a sentence where this person may not."""
    rows = Deployment.objects.visible_to(request.user).present().filter(service__isnull=False)
    deployment = get_object_or_404(
        rows.select_related("account", "service__owner", "service__deputy"), pk=pk
    )
    if not may_map(request.user, deployment):
        raise refuse("not_an_owner", "Only an owner of the pool may unmap its deployments.")
    service, form = deployment.service, ReasonForm(request.POST or None)
    if form.is_bound and form.answers(unmap_deployment, deployment, by=request.user, at=now()):
        messages.success(request, f"{deployment} is nobody’s now; until now it was {service}’s.")
        return redirect("unmapped")
    context = {
        "form": form,
        "deployment": deployment,
        "held": words.amount(deployment, deployment.capacity_units),
        "why_not": _why_not(deployment),
        "trail": [(service.name, service.get_absolute_url()), ("Unmap", "")],
    }
    return render(request, "quotas/unmap.html", context, status=422 if form.is_bound else 200)


def _why_not(deployment: Deployment) -> str:
    try:
        check_unmapping(deployment, at=now())
    except DomainError as error:
        return error.sentence
    return ""
