"""Offering something else, or approving a part: one form, with what would fit beside it."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.domain.terms import Terms
from quotas.forms_reviews import OfferForm, first_offer
from quotas.models import CapacityRequest
from quotas.selectors.offers import region_shown
from quotas.services import decisions, offers
from quotas.services.answering import agreed_terms
from quotas.services.offer_room import SafeRegion, safe_region
from quotas.services.stages import voice_of
from quotas.views.inbox import answered
from quotas.views.requests import visible_request

Send = Callable[[OfferForm], CapacityRequest]


@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, pk: int) -> HttpResponse:
    """The form, into its card for htmx and as a page for others; POST sends the offer."""
    asked = visible_request(request, pk)
    if request.method == "POST":
        return _send(request, asked, lambda form: _offered(form, request))
    voice_of(asked, request.user, at=now())  # who may not answer hears why, not a form
    left = agreed_terms(asked)
    found = safe_region(asked, left, at=now())
    initial = first_offer(asked, min(left.units, found.largest_units))
    return _page(request, OfferForm(initial=initial, request=asked), _shown(asked, left, found))


@posts_from("request_offer", "pk")
def approve_part(request: HttpRequest, pk: int) -> HttpResponse:
    """The same fields as a yes to a part of what was asked."""
    return _send(request, visible_request(request, pk), lambda form: _in_part(form, request))


@require_GET
def offer_check(request: HttpRequest, pk: int) -> HttpResponse:
    """The fragment while someone types: what would be safe."""
    form = OfferForm(request.GET, request=visible_request(request, pk))
    context = {"form": form, **_region(form, _typed(form))}
    return render(request, "quotas/inbox/_region.html", context)


def _offered(form: OfferForm, request: HttpRequest) -> CapacityRequest:
    data = form.cleaned_data
    return offers.counter_offer(
        form.request,
        form.terms,
        by=request.user,
        note=data["note"],
        at=now(),
        held=data["held"],
    )


def _in_part(form: OfferForm, request: HttpRequest) -> CapacityRequest:
    note = form.cleaned_data["note"]
    return decisions.approve(form.request, by=request.user, note=note, at=now(), part=form.terms)


def _send(request: HttpRequest, asked: CapacityRequest, send: Send) -> HttpResponse:
    form = OfferForm(request.POST, request=asked)
    typed = _typed(form)
    if form.is_valid():
        try:
            return answered(request, send(form))
        except DomainError as error:
            form.refuse(error)
    form.request = visible_request(request, asked.pk)  # as it is, not as it was to become
    return _page(request, form, _region(form, typed), status=422)


def _typed(form: OfferForm) -> Terms | None:
    """What the fields say, where they can be read."""
    form.errors  # noqa: B018  cleans what was typed, once
    try:
        return form.terms
    except (DomainError, KeyError):
        return None


def _region(form: OfferForm, terms: Terms | None) -> dict[str, object]:
    if terms is None:
        return {}
    try:
        found = safe_region(form.request, terms, at=now())
    except DomainError as error:
        return {"problem": error}
    return _shown(form.request, terms, found)


def _shown(asked: CapacityRequest, terms: Terms, found: SafeRegion) -> dict[str, object]:
    shown = region_shown(
        asked,
        terms,
        found=found.fit,
        largest_units=found.largest_units,
        longest_until=found.longest_until,
        now=now(),
    )
    return {"region": shown}


def _page(
    request: HttpRequest, form: OfferForm, region: dict[str, object], *, status: int = 200
) -> HttpResponse:
    template = "quotas/inbox/_offer.html" if request.htmx else "quotas/inbox/offer.html"
    context = {"form": form, "asked": form.request, **region}
    answer = render(request, template, context, status=status)
    if request.htmx:
        answer["HX-Retarget"], answer["HX-Reswap"] = f"#offer-{form.request.pk}", "innerHTML"
    return answer
