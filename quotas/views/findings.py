"""What a sync found besides capacity: its page, and the two answers to it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from portal.doors import posts_from
from portal.kernel.clock import now
from quotas.forms_changes import AnswerForm
from quotas.models import Finding
from quotas.selectors.findings import finding_page, findings_for, name_of
from quotas.services import findings


@require_GET
def one(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _visible(request, pk), AnswerForm())


@posts_from("finding", "pk")
def adopt(request: HttpRequest, pk: int) -> HttpResponse:
    found, form = _visible(request, pk), AnswerForm(request.POST)
    if not form.answers(findings.adopt, found, by=request.user, at=now()):
        return _page(request, found, form, status=422)
    messages.success(request, f"{name_of(found)} stays as Azure has it.")
    return redirect("finding", pk=pk)


@posts_from("finding", "pk")
def snooze(request: HttpRequest, pk: int) -> HttpResponse:
    found, form = _visible(request, pk), AnswerForm(request.POST)
    if not form.snoozes(findings.snooze, found, by=request.user, at=now()):
        return _page(request, found, form, status=422)
    messages.success(request, f"You are asked about {name_of(found)} again then.")
    return redirect("finding", pk=pk)


def _page(
    request: HttpRequest, found: Finding, form: AnswerForm, *, status: int = 200
) -> HttpResponse:
    context = {"page": finding_page(found, request.user, at=now()), "form": form}
    return render(request, "quotas/finding.html", context, status=status)


def _visible(request: HttpRequest, pk: int) -> Finding:
    return get_object_or_404(findings_for(request.user), pk=pk)
