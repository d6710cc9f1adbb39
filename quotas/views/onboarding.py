"""Registering a service on one page, with a live suggestion of where its deployment should be; and
planning a deployment for one that has none. The same address answers the suggestion that htmx asks
for while somebody types; nothing needs script.
"""

from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms import NoteForm
from quotas.forms_onboarding import PlaceForm, RegisterForm
from quotas.models import Expectation, Service
from quotas.selectors.onboarding import may_register_for, teams_for
from quotas.selectors.services import visible_service
from quotas.services import expectations, onboarding, planning
from quotas.services.refusals import refuse
from quotas.views.ask_page import thanks

# None: the form says why not, and nothing was written.
Send = Callable[[HttpRequest, Any], HttpResponse | None]


@require_http_methods(["GET", "HEAD", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    if not teams_for(request.user).exists():
        raise refuse(
            "not_a_lead",
            "Only a lead of a team, or a platform owner, registers services. Ask a lead of yours.",
        )
    data = request.POST if request.method == "POST" else _typed(request)
    form = RegisterForm(data, user=request.user, at=now(), initial=_usual(request))
    return _serve(request, form, _registered)


@require_http_methods(["GET", "HEAD", "POST"])
def plan(request: HttpRequest, slug: str) -> HttpResponse:
    """404 for another team's service; a sentence where this person may not."""
    service = visible_service(request.user, slug)
    if not may_register_for(service.team, request.user):
        raise refuse(
            "not_a_lead",
            f"Only a lead of {service.team}, or a platform owner, plans its deployments.",
        )
    data = request.POST if request.method == "POST" else _typed(request)
    usual = {"deployment_name": slug, **_filled_in(request, PlaceForm.base_fields)}
    form = PlaceForm(data, service=service, at=now(), initial=usual)
    return _serve(request, form, _planned)


@posts_from("services")
def give_up(request: HttpRequest, pk: int) -> HttpResponse:
    """404 for a plan of another team."""
    rows = Expectation.objects.filter(service__in=Service.objects.visible_to(request.user))
    found = get_object_or_404(rows.select_related("service", "deployment__account"), pk=pk)
    form = NoteForm(request.POST)
    reason = form.cleaned_data["note"] if form.is_valid() else ""
    expectations.give_up(found, by=request.user, reason=reason, at=now())
    messages.success(request, f"{found.deployment} is not expected any more.")
    return redirect(found.service)


def _typed(request: HttpRequest) -> QueryDict | None:
    """What htmx sends along while somebody types; nothing of a page that is opened."""
    return request.GET if request.htmx and "typed" in request.GET else None


def _filled_in(request: HttpRequest, names: Iterable[str]) -> dict[str, str]:
    """What a link to the form says already."""
    return {name: request.GET[name] for name in names if name in request.GET}


def _usual(request: HttpRequest) -> dict[str, Any]:
    led = teams_for(request.user).filter(memberships__user=request.user)
    team = led.first() or teams_for(request.user).first()
    return {"team": team, "environment": "production", "tier": 3, "plan": "new"}


def _serve(request: HttpRequest, form: Any, send: Send) -> HttpResponse:
    if request.method != "POST":
        found = form.suggest()
        if form.is_bound:
            context = {"form": form, "found": found}
            return render(request, "quotas/onboarding/_suggestion.html", context)
        return _page(request, form)
    if "send" not in request.POST:
        return _page(request, form)
    return send(request, form) or _page(request, form, status=422)


def _registered(request: HttpRequest, form: RegisterForm) -> HttpResponse | None:
    if not form.is_valid():
        return None
    at, wanted = now(), None
    if form.wants_a_deployment:
        wanted = form.planned(form.default_name)
        if wanted is None:
            return None
    try:
        service = onboarding.register(form.registration(), wanted, by=request.user, at=at)
    except DomainError as error:
        form.refuse(error)
        return None
    messages.success(request, f"{service} is registered. {_next(service)}".strip())
    return redirect(service)


def _planned(request: HttpRequest, form: PlaceForm) -> HttpResponse | None:
    service = form.service
    if service is None or not form.is_valid():
        return None
    wanted = form.planned(service.slug)
    if wanted is None:
        return None
    try:
        planning.plan_deployment(service, wanted, by=request.user, at=now())
    except DomainError as error:
        form.refuse(error)
        return None
    messages.success(request, _next(service))
    return redirect(service)


def _next(service: Service) -> str:
    expected = service.expectations.select_related("request__deployment__pool").first()
    return thanks(expected.request) if expected else ""


def _page(request: HttpRequest, form: PlaceForm, *, status: int = 200) -> HttpResponse:
    service = form.service
    trail = [("Services", reverse("services"))]
    trail += (
        [(service.name, service.get_absolute_url()), ("Plan a deployment", "")]
        if service
        else [("Register", "")]
    )
    context = {
        "form": form,
        "service": service,
        "found": form.found or form.suggest(),
        "trail": trail,
        "here": request.path,
    }
    return render(request, "quotas/onboarding.html", context, status=status)
