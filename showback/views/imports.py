"""Doors to the import of gateway aggregates."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.access import must_decide_sharing, must_read_everything
from portal.kernel.clock import now
from portal.kernel.windows import HOUR, floor_to_hour
from showback.domain.gateway_csv import COLUMNS
from showback.exports import csv_answer
from showback.forms import ImportForm
from showback.services.caller_import import MOST_BYTES, Imported, import_callers


@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """The form; after a file with wrong lines, the form again with a sentence for each."""
    if request.method != "POST":
        user = must_read_everything(request)
        return _answer(request, ImportForm(), may_write=user.is_platform_owner)
    user, form = must_decide_sharing(request), ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        return _answer(request, form, status=422)
    content = form.cleaned_data["file"].read(MOST_BYTES + 1)
    found = import_callers(form.cleaned_data["gateway"], content, by=user, at=now())
    if found.problems:
        return _answer(request, form, found=found, status=422)
    messages.success(request, _words(found))
    return redirect("shared_deployments")


def _answer(
    request: HttpRequest,
    form: ImportForm,
    *,
    found: Imported | None = None,
    may_write: bool = True,
    status: int = 200,
) -> HttpResponse:
    context = {
        "form": form,
        "found": found,
        "columns": COLUMNS,
        "may_write": may_write,
        "trail": [("Shared deployments", "/sharing/"), ("Import", "")],
    }
    return render(request, "showback/sharing/import.html", context, status=status)


def _words(found: Imported) -> str:
    if not found.hours_changed:
        return f"The {found.lines:,} lines were there already: nothing changed."
    return (
        f"{found.lines:,} lines were read; {found.hours_changed} of {found.hours} hours changed. "
        "The figures follow within a minute or two."
    )


@require_safe
def template(request: HttpRequest) -> HttpResponse:
    """All columns, and two lines as an example."""
    must_read_everything(request)
    hour = floor_to_hour(now()) - HOUR
    rows = [
        (f"{hour:%Y-%m-%dT%H:%M:%SZ}", "hour", caller, "ai-apps", "my-account/my-deployment")
        + counts
        for caller, counts in (
            ("reports-key", (1200, 4, 0, 3, 2, 640000, 118000)),
            ("search-key", (310, 0, 0, "", 1, 90500, 20100)),
        )
    ]
    return csv_answer("gateway-callers-template", COLUMNS, rows)
