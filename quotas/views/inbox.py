"""The approval inbox: decide on the card, by button or by key; a refusal keeps what was typed."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms import NoteForm
from quotas.models import CapacityRequest
from quotas.selectors.inbox import inbox, inbox_card
from quotas.selectors.requests import request_rows
from quotas.services import decisions
from quotas.views.requests import visible_request

Decide = Callable[..., CapacityRequest]


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    return render(request, "quotas/inbox.html", {"inbox": inbox(request.user, at=now())})


@require_POST
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    return _answer(request, pk, decisions.approve, "approved")


@require_POST
def deny(request: HttpRequest, pk: int) -> HttpResponse:
    return _answer(request, pk, decisions.deny, "denied")


def _answer(request: HttpRequest, pk: int, decide: Decide, word: str) -> HttpResponse:
    """htmx gets the card again; others go back to the inbox, or to a page with the sentence."""
    asked = visible_request(request, pk)
    form = NoteForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else request.POST.get("note", "")[:1_000]
    try:
        decided = decide(asked, by=request.user, note=note, at=now())
    except DomainError as error:
        if not request.htmx:
            raise
        return _refused(request, pk, error, note)
    if request.htmx:
        context = {"row": request_rows([decided], at=now())[0], "word": word}
        return render(request, "quotas/inbox/_decided.html", context)
    messages.success(request, f"Request #{pk} is {word}.")
    return redirect("inbox")


def _refused(request: HttpRequest, pk: int, error: DomainError, note: str) -> HttpResponse:
    """Read again: the service may have moved the object in memory before it refused."""
    card = inbox_card(visible_request(request, pk), request.user, at=now())
    context = {"card": card, "problem": error, "note": note}
    return render(request, "quotas/inbox/_card.html", context, status=422)
