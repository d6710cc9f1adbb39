"""Sandboxes: one's own, claiming one, keeping it for longer, giving it up; opening deployments."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms_sandboxes import SandboxForm
from quotas.models import Deployment, Sandbox
from quotas.selectors import words
from quotas.selectors.onboarding import teams_for
from quotas.selectors.sandboxes import could_open, open_rows, sandbox_rows
from quotas.services import sandboxes
from quotas.services.refusals import refuse
from quotas.services.sandbox_rules import KEPT_FROM, LENGTH, most_units


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """GET: one's own and the form. POST: claims one."""
    form = SandboxForm(request.POST or None, user=request.user)
    if request.method != "POST":
        return _page(request, form)
    if not form.is_valid() or not _is_claimed(request, form):
        return _page(request, form, status=422)
    return redirect("sandboxes")


@posts_from("sandboxes")
def keep(request: HttpRequest, pk: int) -> HttpResponse:
    found = sandboxes.renew(_visible(request, pk), by=request.user, at=now())
    messages.success(request, f"It is yours until {words.moment(found.ends_at, now=now())}.")
    return redirect("sandboxes")


@posts_from("sandboxes")
def end(request: HttpRequest, pk: int) -> HttpResponse:
    sandboxes.give_up(_visible(request, pk), by=request.user, at=now())
    messages.success(request, "The sandbox is over; what it held is free again.")
    return redirect("sandboxes")


@posts_from("sandboxes")
def set_open(request: HttpRequest) -> HttpResponse:
    """Opens or closes a deployment; which one is in the form."""
    rows = Deployment.objects.present().visible_to(request.user).select_related("account", "pool")
    key = request.POST.get("deployment", "")
    if not key.isdecimal():
        raise refuse("no_deployment", "Choose a deployment.")
    found = get_object_or_404(rows, pk=int(key))
    is_open = request.POST.get("open") == "1"
    sandboxes.set_open(found, is_open=is_open, by=request.user, at=now())
    said = "takes sandboxes now" if is_open else "takes no sandboxes any more"
    messages.success(request, f"{found} {said}.")
    return redirect("sandboxes")


def _visible(request: HttpRequest, pk: int) -> Sandbox:
    return get_object_or_404(Sandbox.objects.visible_to(request.user), pk=pk)


def _is_claimed(request: HttpRequest, form: SandboxForm) -> bool:
    """False: the form says why not, and nothing was written."""
    try:
        found = sandboxes.claim(
            form.chosen,
            purpose=form.cleaned_data["purpose"],
            team=form.cleaned_data.get("team"),
            by=request.user,
            at=now(),
        )
    except DomainError as error:
        form.refuse(error)
        return False
    amount = words.amount(found.deployment, found.units)
    until = words.moment(found.ends_at, now=now())
    messages.success(request, f"{amount} of {found.deployment.model_name} are yours until {until}.")
    return True


def _page(request: HttpRequest, form: SandboxForm, *, status: int = 200) -> HttpResponse:
    user, at = request.user, now()
    operates = user.operates_pools
    context = {
        "own": sandbox_rows(user, at=at, kept_from=KEPT_FROM, own=True),
        "others": sandbox_rows(user, at=at, kept_from=KEPT_FROM, own=False),
        "form": form,
        "may_claim": bool(form.open and form.teams and most_units()),
        "most": most_units(),
        "days": LENGTH.days,
        "open": open_rows(user) if operates else [],
        "could_open": could_open(user) if operates else [],
        "operates": operates,
        "may_register": teams_for(user).exists(),
    }
    return render(request, "quotas/sandboxes.html", context, status=status)
