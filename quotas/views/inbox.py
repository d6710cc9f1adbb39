"""The approval inbox: decide on the card, by button or by key; a refusal keeps what was typed."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from quotas.forms import NoteForm
from quotas.models import CapacityRequest
from quotas.selectors.inbox import MOST_CARDS, inbox, inbox_card, to_decide
from quotas.selectors.requests import request_rows
from quotas.selectors.stage_words import what_became
from quotas.services import decisions, questions, together
from quotas.services.refusals import refuse
from quotas.views.requests import visible_request

Decide = Callable[..., CapacityRequest]
OF_THE_NOTE = ("reason_missing", "question_missing")  # refusals that stand beside the note


@require_GET
def show(request: HttpRequest) -> HttpResponse:
    return render(
        request, "quotas/inbox.html", {"inbox": inbox(request.user, request.GET.dict(), at=now())}
    )


@posts_from("inbox")
def approve(request: HttpRequest, pk: int) -> HttpResponse:
    return _answer(request, pk, decisions.approve)


@posts_from("inbox")
def approve_largest(request: HttpRequest, pk: int) -> HttpResponse:
    """As much as fits over the whole window now."""
    return _answer(request, pk, decisions.approve_largest_safe)


@posts_from("inbox")
def deny(request: HttpRequest, pk: int) -> HttpResponse:
    return _answer(request, pk, decisions.deny)


@posts_from("inbox")
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    return _answer(request, pk, questions.ask)


@posts_from("inbox")
def approve_low_risk(request: HttpRequest) -> HttpResponse:
    """Those that were ticked, each by itself; the inbox again, and above it what came of each."""
    picked = _picked(request)
    outcomes = together.approve_together(picked, by=request.user, at=now())
    context = {
        "inbox": inbox(request.user, at=now()),
        "approved": [(o.request, what_became(o.request)) for o in outcomes if not o.refusal],
        "refused": [(o.request, o.refusal) for o in outcomes if o.refusal],
    }
    status = 200 if context["approved"] else 422
    return render(request, "quotas/inbox.html", context, status=status)


def _picked(request: HttpRequest) -> list[together.Picked]:
    """What was ticked, `id:content hash` each, of what this person may see. Raises DomainError."""
    ticked = (value.partition(":") for value in request.POST.getlist("low_risk")[:MOST_CARDS])
    hashes = {int(pk): content for pk, _, content in ticked if pk.isdecimal() and len(pk) < 19}
    if not hashes:
        raise refuse("nothing_ticked", "Tick the requests of low risk that you approve.")
    rows = to_decide(CapacityRequest.objects.visible_to(request.user).filter(pk__in=hashes))
    return [together.Picked(row, hashes[row.pk]) for row in rows.order_by("pk")]


def _answer(request: HttpRequest, pk: int, decide: Decide) -> HttpResponse:
    """htmx gets the card again; others go back to the inbox, or to a page with the sentence."""
    rows = CapacityRequest.objects.visible_to(request.user)
    asked = get_object_or_404(to_decide(rows), pk=pk)
    form = NoteForm(request.POST)
    note = form.cleaned_data["note"] if form.is_valid() else request.POST.get("note", "")[:1_000]
    try:
        decided = decide(asked, by=request.user, note=note, at=now())
    except DomainError as error:
        if not request.htmx:
            raise
        return _refused(request, pk, error, note)
    return answered(request, decided)


def answered(request: HttpRequest, decided: CapacityRequest) -> HttpResponse:
    """What came of it, in place of the card; without script a message above the inbox."""
    said = what_became(decided)
    if request.htmx:
        context = {"row": request_rows([decided], at=now())[0], "said": said}
        answer = render(request, "quotas/inbox/_decided.html", context)
        answer["HX-Retarget"], answer["HX-Reswap"] = f"#request-{decided.pk}", "outerHTML"
        return answer
    messages.success(request, f"Request #{decided.pk} {said}.")
    return redirect("inbox")


def _refused(request: HttpRequest, pk: int, error: DomainError, note: str) -> HttpResponse:
    """Read again: the service may have moved the object in memory before it refused."""
    card = inbox_card(visible_request(request, pk), request.user, at=now())
    beside = error.code in OF_THE_NOTE
    context = {"card": card, "problem": error, "beside_note": beside, "note": note}
    return render(request, "quotas/inbox/_card.html", context, status=422)
