"""Asking for what is no burst: a baseline, a longer burst, a transfer; and editing what was sent.

One page for all: a form, its verdict beside it, the same address for the page and for the verdict
that htmx asks for while somebody types. Nothing needs script.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_http_methods

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.kernel.windows import Window
from quotas.domain.states import RequestState
from quotas.forms_asking import (
    MAY_LACK,
    AskForm,
    BaselineForm,
    ExtensionForm,
    SentBurstForm,
    TransferForm,
    targets_of,
)
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors import ask_forms, burst_form, words
from quotas.selectors.amounts import rounding_sentence
from quotas.selectors.policy import policy_in_force
from quotas.selectors.verdict import INPUT_FORMAT, Verdict, verdict
from quotas.services import drafts, evidence, evidence_rows
from quotas.services.asking import Draft, Kind
from quotas.services.edits import edit as edit_request
from quotas.services.granting import granted_until, held_at_end
from quotas.services.refusals import refuse
from quotas.services.requests import submit
from quotas.views.burst import asked_for, thanks
from quotas.views.requests import visible_request
from quotas.views.sources import draft_of, kept_sentence, source_of

Send = Callable[[Draft], CapacityRequest]


@dataclass(frozen=True)
class Page:
    """What is different between the pages: the form's class and what it needs, and the words."""

    form_class: type[AskForm]
    needs: dict[str, Any]
    initial: Callable[[], dict[str, Any]]
    send: Send
    heading: str
    lead: str
    trail: list[tuple[str, str]]
    saved: CapacityRequest | None = None
    may_keep: bool = True
    tabs: list[dict[str, Any]] | None = None

    def form(self, data: Any = None, *, judged: bool = False) -> AskForm:
        initial = None if data is not None else self.initial()
        return self.form_class(data, initial=initial, judged=judged, **self.needs)


@require_http_methods(["GET", "HEAD", "POST"])
def baseline(request: HttpRequest, slug: str) -> HttpResponse:
    service, deployment = asked_for(request, slug)
    source = source_of(request, service)
    facts = evidence_rows.as_json(_usual(service, deployment))
    page = Page(
        BaselineForm,
        {"service": service, "deployment": deployment, "by": request.user},
        lambda: _begins(source) or _first_baseline(deployment, facts),
        _sender(request, source),
        f"Change the baseline of {service.name}",
        ask_forms.use_sentence(deployment, facts),
        _trail(service, "Baseline"),
        saved=draft_of(source),
        tabs=burst_form.tabs(service, deployment),
    )
    return _serve(request, page)


@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: HttpRequest, slug: str) -> HttpResponse:
    service, deployment = asked_for(request, slug)
    if not targets_of(deployment, request.user).exists():
        raise refuse(
            "no_target",
            f"No other deployment of your services is fed by the pool of {deployment}, so nothing "
            "of it can move without the platform owners. Ask for a smaller baseline here and a "
            "larger one there.",
        )
    source = source_of(request, service)
    page = Page(
        TransferForm,
        {"service": service, "deployment": deployment, "by": request.user},
        lambda: _begins(source) or _from_now(),
        _sender(request, source),
        f"Transfer capacity of {service.name}",
        "What moves leaves the baseline here and holds there instead; the pool holds as much as "
        "before.",
        _trail(service, "Transfer"),
        saved=draft_of(source),
        tabs=burst_form.tabs(service, deployment),
    )
    return _serve(request, page)


@require_http_methods(["GET", "HEAD", "POST"])
def extend(request: HttpRequest, pk: int) -> HttpResponse:
    parent = visible_request(request, pk)
    until, held = granted_until(parent), held_at_end(parent)
    if parent.state != RequestState.APPROVED or until is None or held <= 0:
        raise refuse("nothing_to_extend", f"Request #{pk} holds nothing that could last longer.")
    source = source_of(request, parent.service)
    shown = words.amount(parent.deployment, held)
    page = Page(
        ExtensionForm,
        {
            "service": parent.service,
            "deployment": parent.deployment,
            "by": request.user,
            "parent": parent,
        },
        lambda: _begins(source) or _a_day_longer(parent, until),
        _sender(request, source),
        f"Extend request #{pk} of {parent.service.name}",
        f"+{shown} end {words.moment(until, now=now())}. An extension begins in that minute: "
        "nothing drops in between.",
        [("Requests", reverse("requests")), (f"#{pk}", parent.get_absolute_url()), ("Extend", "")],
        saved=draft_of(source),
    )
    return _serve(request, page)


@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """One's own open request again; the service says who is asked anew."""
    asked = visible_request(request, pk)
    if asked.kind not in _EDITED:
        raise refuse(
            "not_editable", "This cannot be edited. Withdraw it, and ask for what you need instead."
        )
    at, zone = now(), get_current_timezone()
    needs = {"service": asked.service, "deployment": asked.deployment, "by": request.user}
    needs |= {"edited": asked} | ({"parent": asked.parent} if asked.parent else {})
    page = Page(
        _EDITED[Kind(asked.kind)],
        needs,
        lambda: ask_forms.initial_of(asked, at=at, zone=zone),
        lambda draft: edit_request(asked, draft, by=request.user, at=now()),
        f"Edit request #{pk}, {asked.service.name}",
        "More units, or another minute, and everybody is asked again. Less, or a shorter window "
        "inside this one, and every yes that was given stands.",
        [("Requests", reverse("requests")), (f"#{pk}", asked.get_absolute_url()), ("Edit", "")],
        may_keep=False,
    )
    return _serve(request, page)


_EDITED: dict[Kind, type[AskForm]] = {
    Kind.BURST: SentBurstForm,
    Kind.BASELINE: BaselineForm,
    Kind.EXTENSION: ExtensionForm,
    Kind.TRANSFER: TransferForm,
}


def _sender(request: HttpRequest, source: CapacityRequest | None) -> Send:
    return lambda draft: submit(draft, by=request.user, at=now(), saved=draft_of(source))


def _trail(service: Service, word: str) -> list[tuple[str, str]]:
    return [
        ("Services", reverse("services")),
        (service.name, service.get_absolute_url()),
        (word, ""),
    ]


def _begins(source: CapacityRequest | None) -> dict[str, Any]:
    if source is None:
        return {}
    return ask_forms.initial_of(source, at=now(), zone=get_current_timezone())


def _from_now() -> dict[str, Any]:
    here = now().astimezone(get_current_timezone())
    return {"starts_now": True, "starts_at": here.strftime(INPUT_FORMAT)}


def _first_baseline(deployment: Deployment, facts: dict[str, Any]) -> dict[str, Any]:
    return _from_now() | ask_forms.first_change(deployment, facts)


def _a_day_longer(parent: CapacityRequest, until: datetime) -> dict[str, Any]:
    end = until.astimezone(get_current_timezone()) + timedelta(days=1)
    return {"ends_at": end.strftime(INPUT_FORMAT), "purpose": parent.purpose}


def _usual(service: Service, deployment: Deployment) -> evidence.Judged:
    at = now()
    window = burst_form.next_working_hours(at, get_current_timezone())
    asked = evidence.Asked(service, deployment, deployment.step_units or 1, window)
    return evidence.gather(asked, at=at)


def _serve(request: HttpRequest, page: Page) -> HttpResponse:
    if request.method == "POST":
        return _sent(request, page)
    if request.htmx and "csrfmiddlewaretoken" not in request.GET and request.GET:
        form = page.form(request.GET, judged=True)
        context = {"verdict": _judge(form), "form": form, "checked": True}
        return render(request, "quotas/asking/_verdict.html", context)
    return _shown(request, page, page.form())


def _sent(request: HttpRequest, page: Page) -> HttpResponse:
    form = page.form(request.POST)
    if "check" in request.POST:
        return _shown(request, page, page.form_class(initial=request.POST.dict(), **page.needs))
    try:
        done = _keep(request, page, form) if "keep" in request.POST else _send(request, page, form)
    except DomainError as error:
        form.refuse(error)
        done = None
    return done or _shown(request, page, form, status=422)


def _send(request: HttpRequest, page: Page, form: AskForm) -> HttpResponse | None:
    at = now()
    if not form.check(policy_in_force(), at=at):
        return None
    sent = page.send(form.draft(at=at))
    messages.success(request, thanks(sent))
    return redirect(sent)


def _keep(request: HttpRequest, page: Page, form: AskForm) -> HttpResponse | None:
    form.full_clean()
    if set(form.errors) - MAY_LACK or not page.may_keep:
        return None
    at = now()
    kept = drafts.save_draft(form.draft(at=at), by=request.user, at=at, saved=page.saved)
    messages.success(request, kept_sentence(kept))
    return redirect("requests")


def _shown(request: HttpRequest, page: Page, form: AskForm, *, status: int = 200) -> HttpResponse:
    data = form.data if form.is_bound else {k: str(v) for k, v in form.initial.items()}
    if not form.is_bound and not form.initial.get("starts_now"):
        data.pop("starts_now", None)
    judged = page.form(data, judged=True)
    context = {"page": page, "form": form, "verdict": _judge(judged)}
    context |= {"zone": get_current_timezone(), "here": request.get_full_path()}
    return render(request, "quotas/asking.html", context, status=status)


def _judge(form: AskForm) -> Verdict | None:
    """None while something typed cannot be judged; the form then says what."""
    at, rules = now(), policy_in_force()
    if not form.check(rules, at=at) or form.terms is None:
        return None
    draft, terms = form.draft(at=at), form.terms
    parent = getattr(form, "parent", None)
    asked = evidence.Asked(
        form.service,
        form.deployment,
        terms.units,
        Window(terms.window.start, terms.window.end),
        draft.kind,
        evidence.first_start(parent) if parent else None,
    )
    facts = evidence_rows.as_json(evidence.gather(asked, at=at))
    said = verdict(
        facts, form.deployment, form.asked, policy=rules, starts_at=terms.window.start, now=at
    )
    change = -terms.units if draft.kind == Kind.TRANSFER else terms.units
    return replace(
        said,
        total=words.amount(form.deployment, facts["baseline_units"] + change),
        rounding=rounding_sentence(form.deployment, form.asked, abs(terms.units)),
        offers=[],
        automatic=said.automatic or terms.units < 0,
        cost_full=said.cost_full if change > 0 else None,
        replay=said.replay if change > 0 else None,
    )
