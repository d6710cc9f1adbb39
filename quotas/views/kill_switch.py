"""The kill switch: its page, throwing it, turning it off again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms_kill_switch import KillSwitchForm
from quotas.models import KillSwitch
from quotas.selectors.kill_switch import times_thrown
from quotas.services import kill_switch


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """GET: whether it is on, and each time that it was thrown. POST: it is thrown."""
    form = KillSwitchForm(request.POST or None)
    if request.method != "POST":
        return _page(request, form)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        kill_switch.throw(reason=form.cleaned_data["reason"], by=request.user, at=now())
    except DomainError as error:
        form.refuse(error)
        return _page(request, form, status=422)
    messages.success(request, "The kill switch is on: from now on nothing is written to Azure.")
    return redirect("kill_switch")


@posts_from("kill_switch")
def turn_off(request: HttpRequest, pk: int) -> HttpResponse:
    form = KillSwitchForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    switch = get_object_or_404(KillSwitch, pk=pk)
    try:
        reason = form.cleaned_data["reason"]
        kill_switch.turn_off(switch, reason=reason, by=request.user, at=now())
    except DomainError as error:
        form.refuse(error)
        return _page(request, form, status=422)
    messages.success(request, "The kill switch is off: the next run writes what is due.")
    return redirect("kill_switch")


def _page(request: HttpRequest, form: KillSwitchForm, *, status: int = 200) -> HttpResponse:
    rows = times_thrown(at=now())
    context = {
        "rows": rows,
        "on": rows[0] if rows and rows[0].is_on else None,
        "form": form if request.user.is_platform_owner else None,
    }
    return render(request, "quotas/kill_switch.html", context, status=status)
