"""Requests of one's own: the list, one request, and what its owner may still do to it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from portal.doors import posts_from
from portal.kernel.clock import now
from quotas.forms_reviews import GiveBackForm
from quotas.models import CapacityRequest
from quotas.selectors.inbox import with_people
from quotas.selectors.request_page import request_page
from quotas.selectors.requests import request_list
from quotas.selectors.services import may_request
from quotas.selectors.stage_words import what_follows
from quotas.services import offers, questions
from quotas.services.give_back import give_back as give_back_burst
from quotas.services.refusals import refuse
from quotas.services.requests import withdraw as withdraw_request

GIVEN_BACK = "Given back: the ledger holds nothing of it any more; Azure follows."
GIVEN_BACK_PART = "Given back: the ledger holds that much less of it; Azure follows."


def visible_request(request: HttpRequest, pk: int) -> CapacityRequest:
    """404 for another team's: nobody learns what they may not see."""
    return get_object_or_404(with_people(CapacityRequest.objects.visible_to(request.user)), pk=pk)


@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    found = request_list(request.user, request.GET, at=now())
    asks = may_request(request.user)
    context = {"found": found, "may_ask": asks.exists(), "state": request.GET.get("state", "")}
    return render(request, "quotas/requests.html", {**context, **_tabs(request)})


def _tabs(request: HttpRequest) -> dict[str, object]:
    everything = request.GET.get("scope") == "all"
    return {
        "everything": everything,
        "tabs": [
            {"label": "Asked by me", "url": "?", "active": not everything},
            {"label": "All I may see", "url": "?scope=all", "active": everything},
        ],
    }


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    page = request_page(visible_request(request, pk), request.user, at=now())
    return render(request, "quotas/request.html", {"page": page, "row": page.row})


@require_GET
def choose(request: HttpRequest) -> HttpResponse:
    """Which service? With only one there is nothing to choose."""
    services = list(may_request(request.user))
    if len(services) == 1:
        return redirect("request_burst", slug=services[0].slug)
    return render(request, "quotas/request_new.html", {"services": services})


@posts_from("request", "pk")
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    found = withdraw_request(visible_request(request, pk), by=request.user, at=now())
    messages.success(request, f"Request #{found.pk} is withdrawn. Nothing was held for it.")
    return redirect(found)


@posts_from("request", "pk")
def give_back(request: HttpRequest, pk: int) -> HttpResponse:
    """All that is left of it, or the amount that is named."""
    found = visible_request(request, pk)
    form = GiveBackForm(request.POST, deployment=found.deployment)
    if not form.is_valid():
        raise refuse("amount_unclear", " ".join(form.errors["amount"]))
    reason = request.POST.get("reason", "")
    give_back_burst(found, by=request.user, reason=reason, at=now(), units=form.units)
    messages.success(request, GIVEN_BACK_PART if form.units else GIVEN_BACK)
    return redirect(found)


@posts_from("request", "pk")
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Takes the offer in one click."""
    found = offers.accept(visible_request(request, pk), by=request.user, at=now())
    messages.success(request, f"The offer is accepted: request #{pk} {what_follows(found)}.")
    return redirect(found)


@posts_from("request", "pk")
def decline(request: HttpRequest, pk: int) -> HttpResponse:
    note = request.POST.get("note", "")[:1_000]
    found = offers.decline(visible_request(request, pk), by=request.user, at=now(), note=note)
    messages.success(request, "Declined: what you asked for is in review again.")
    return redirect(found)


@posts_from("request", "pk")
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    note = request.POST.get("note", "")[:1_000]
    found = questions.answer(visible_request(request, pk), by=request.user, note=note, at=now())
    messages.success(request, "Your answer is sent: the request is in review again.")
    return redirect(found)
