"""Drafts of one's own, and asking once more for what was asked before: both lead to a form."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.clock import now
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest
from quotas.services import drafts
from quotas.services.asking import Kind
from quotas.services.refusals import refuse
from quotas.views.requests import visible_request
from quotas.views.sources import own_draft


@require_GET
def again(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks for the same once more: the form of its kind, filled in, in a time still to come."""
    old = visible_request(request, pk)
    if old.kind == Kind.SANDBOX:
        return redirect("sandboxes")
    if old.kind == Kind.GIVE_BACK:
        raise refuse("not_askable", "What was given back is asked for as a burst or a baseline.")
    return redirect(_form_of(old, "like"))


@require_GET
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    return redirect(_form_of(own_draft(request, pk), "draft"))


@require_POST
def delete_draft(request: HttpRequest, pk: int) -> HttpResponse:
    drafts.delete_draft(own_draft(request, pk), by=request.user, at=now())
    messages.success(request, f"Draft #{pk} is deleted.")
    return redirect("requests")


def _form_of(source: CapacityRequest, name: str) -> str:
    query = f"?deployment={source.deployment_id}&{name}={source.pk}"
    if source.kind in _PAGES:
        return reverse(_PAGES[Kind(source.kind)], args=[source.service.slug]) + query
    if source.state == RequestState.DRAFT and source.parent_id:
        return reverse("request_extend", args=[source.parent_id]) + query
    return reverse("request_burst", args=[source.service.slug]) + query


_PAGES = {
    Kind.BURST: "request_burst",
    Kind.BASELINE: "request_baseline",
    Kind.TRANSFER: "request_transfer",
}
