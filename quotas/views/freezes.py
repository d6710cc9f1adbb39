"""Freezes: the list, agreeing on one, ending one early."""

from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_http_methods

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms_freezes import FreezeForm
from quotas.models import Freeze
from quotas.selectors.freezes import freeze_rows, freezes_for
from quotas.selectors.paging import page
from quotas.selectors.words import INPUT_FORMAT
from quotas.services.freezes import add_freeze, end_freeze


@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """GET: the list, and for platform owners the form. POST: one more."""
    form = FreezeForm(request.POST or None, initial=_usual())
    if request.method != "POST":
        return _page(request, form)
    if not _is_added(request, form):
        return _page(request, form, status=422)
    messages.success(
        request, "Agreed: nothing starts or grows in that time; who asks for it is shown why."
    )
    return redirect("freezes")


@posts_from("freezes")
def end(request: HttpRequest, pk: int) -> HttpResponse:
    freeze = get_object_or_404(Freeze.objects.visible_to(request.user), pk=pk)
    end_freeze(freeze, by=request.user, at=now())
    messages.success(request, f"The freeze “{freeze.reason}” is ended.")
    return redirect("freezes")


def _usual() -> dict[str, str]:
    """From the next midnight of the person's zone, one day long."""
    local = now().astimezone(get_current_timezone()) + timedelta(days=1)
    start = local.replace(hour=0, minute=0)
    ends = start + timedelta(days=1)
    return {"starts_at": start.strftime(INPUT_FORMAT), "ends_at": ends.strftime(INPUT_FORMAT)}


def _is_added(request: HttpRequest, form: FreezeForm) -> bool:
    """False: the form says why not, and nothing was written."""
    if not form.is_valid():
        return False
    starts_at, ends_at = form.window
    try:
        add_freeze(
            form.chosen,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=form.cleaned_data["reason"],
            by=request.user,
            at=now(),
        )
    except DomainError as error:
        form.refuse(error)
        return False
    return True


def _page(request: HttpRequest, form: FreezeForm, *, status: int = 200) -> HttpResponse:
    found = page(freezes_for(request.user), request.GET)
    rows = freeze_rows(found.rows, request.user, at=now())
    context = {
        "found": found,
        "rows": rows,
        "in_force": sum(row.status.word == "In force" for row in rows),
        "form": form if request.user.is_platform_owner else None,
    }
    return render(request, "quotas/freezes.html", context, status=status)
