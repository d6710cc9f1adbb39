"""Deployments without a service: who holds them is settled by one click."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from portal.doors import posts_from
from portal.kernel.clock import now
from quotas.forms import MapForm
from quotas.models import Deployment
from quotas.selectors.unmapped import may_map, unmapped
from quotas.services.mapping import map_deployment
from quotas.services.refusals import refuse


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
    messages.success(request, f"{deployment} belongs to {service} since it was first seen.")
    return redirect("unmapped")
