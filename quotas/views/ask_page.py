"""The page on which capacity is asked for, of any kind: a form, the verdict beside it, and what its
buttons do.

One address for the page, for the verdict that htmx asks for while somebody types (`?verdict=`),
and for what a button fills in. Nothing needs script.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.timezone import get_current_timezone

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.kernel.windows import Window
from quotas.domain.states import RequestState
from quotas.forms_asking import MAY_LACK, AskForm
from quotas.models import CapacityRequest
from quotas.selectors import ask_forms, burst_form, words
from quotas.selectors.amounts import rounding_sentence
from quotas.selectors.offered import offers_of
from quotas.selectors.offered_places import place_offer
from quotas.selectors.onboarding import may_register_for
from quotas.selectors.policy import policy_in_force
from quotas.selectors.verdict import Verdict, verdict
from quotas.services import drafts, evidence, evidence_rows
from quotas.services.asking import Draft, Kind
from quotas.services.refusals import breaks_residency
from quotas.services.region_capacity import expected_shortage
from quotas.services.requests import submit
from quotas.services.trial import try_out
from quotas.views.sources import Subject, draft_of, kept_sentence, set_by_button

NOT_APPLIED = "Its pool only observes, so nothing is written to Azure."
GROWS = (Kind.BURST, Kind.BASELINE)
STAYS = ("deployment", "draft", "like")  # of the address; the rest of it is what was typed


class AskPage:
    """What all kinds have in common; each kind's page says what is its own."""

    form_class: type[AskForm]
    may_keep = True
    word = ""  # of the trail
    heading = ""
    lead: str = ""
    said = ""  # beside the amount
    presets: Sequence[burst_form.Preset] = ()
    lacks = ""  # why a preset is not there

    def __init__(self, request: HttpRequest, about: Subject) -> None:
        self.request, self.others, self.source = request, about.others, about.source
        self.service, self.deployment = about.service, about.deployment
        self.saved = draft_of(about.source)

    @property
    def needs(self) -> dict[str, Any]:
        """What the form is made with."""
        return {"service": self.service, "deployment": self.deployment, "by": self.request.user}

    def first(self) -> dict[str, Any]:
        """What the form begins with where nothing goes on."""
        raise NotImplementedError

    @property
    def trail(self) -> list[tuple[str, str]]:
        own = self.service.get_absolute_url()
        return [("Services", reverse("services")), (self.service.name, own), (self.word, "")]

    @property
    def tabs(self) -> Sequence[dict[str, Any]]:
        return burst_form.tabs(self.others, self.deployment)

    @cached_property
    def barred(self) -> DomainError | None:
        """Why the service's data must not be where it is asked."""
        return breaks_residency(self.service, self.deployment)

    def send(self, draft: Draft) -> CapacityRequest:
        return submit(draft, by=self.request.user, at=now(), saved=self.saved)

    @property
    def here(self) -> str:
        kept = {name: self.request.GET[name] for name in STAYS if name in self.request.GET}
        return f"{self.request.path}?{urlencode(kept)}" if kept else self.request.path

    def usual_window(self) -> Window:
        """Over which it is known what is free, where a form begins: the next working hours."""
        return burst_form.next_working_hours(now(), get_current_timezone())

    @cached_property
    def usual(self) -> evidence.Judged:
        units, kind = self.deployment.step_units or 1, self.form_class.kind
        asked = evidence.Asked(self.service, self.deployment, units, self.usual_window(), kind)
        return evidence.gather(asked, at=now())

    @cached_property
    def usual_facts(self) -> dict[str, Any]:
        return evidence_rows.as_json(self.usual)

    @property
    def known(self) -> evidence.Judged | None:
        """What was read for the page already."""
        return self.usual if "usual" in self.__dict__ else None

    def form(self, data: Any = None, **more: Any) -> AskForm:
        return self.form_class(data, **self.needs, **more)

    def begun(self) -> AskForm:
        if self.source is None:
            return self.form(initial=self.first())
        zone = get_current_timezone()
        return self.form(initial=ask_forms.initial_of(self.source, at=now(), zone=zone))


def serve(page: AskPage) -> HttpResponse:
    request = page.request
    if page.barred and len(page.others) < 2:
        raise page.barred
    if request.method == "POST":
        filled = _filled_in(request)
        return _sent(page) if filled is None else _shown(page, page.form(initial=filled))
    if "verdict" in request.GET:
        form = page.form(request.GET, judged=True)
        context = {"page": page, "form": form, "verdict": _judge(page, form), "checked": True}
        return render(request, "quotas/asking/_verdict.html", context)
    return _shown(page, page.begun(), said="" if page.source else page.said)


def _filled_in(request: HttpRequest) -> dict[str, Any] | None:
    """What was typed, with what a button fills in; None when it is to be sent, or kept."""
    data = request.POST
    if {"send", "keep"} & set(data) or not {"set", "check"} & set(data):
        return None
    return {**data.dict(), **set_by_button(request)}


def _sent(page: AskPage) -> HttpResponse:
    form = page.form(page.request.POST)
    try:
        done = _keep(page, form) if "keep" in page.request.POST else _send(page, form)
    except DomainError as error:
        form.refuse(error)
        done = None
    return done or _shown(page, form, status=422)


def _send(page: AskPage, form: AskForm) -> HttpResponse | None:
    """None where the form says why not; then nothing was written."""
    at = now()
    if not form.check(policy_in_force(), at=at):
        return None
    sent = page.send(form.draft(at=at))
    messages.success(page.request, thanks(sent))
    return redirect(sent)


def _keep(page: AskPage, form: AskForm) -> HttpResponse | None:
    """As a draft, for its writer alone; None where what was typed cannot be kept."""
    form.full_clean()
    if set(form.errors) - MAY_LACK or not page.may_keep:
        return None
    at, by = now(), page.request.user
    kept = drafts.save_draft(form.draft(at=at), by=by, at=at, saved=page.saved)
    messages.success(page.request, kept_sentence(kept))
    return redirect("requests")


def thanks(sent: CapacityRequest) -> str:
    """What becomes of a request that was just sent."""
    if sent.state == RequestState.APPROVED and sent.deployment.is_expected:
        return f"Request #{sent.pk} is approved by the policy: its deployment can be made now."
    if sent.state == RequestState.APPROVED:
        starts = "It starts and ends by itself." if sent.deployment.pool.applies else NOT_APPLIED
        return f"Request #{sent.pk} is approved by the policy. {starts}"
    asked = ", then ".join(stage["name"] for stage in sent.stages)
    return f"Request #{sent.pk} waits for {asked}. You need do nothing more."


def _shown(page: AskPage, form: AskForm, *, status: int = 200, said: str = "") -> HttpResponse:
    """The whole page, or only the form for htmx. The verdict is of what the fields hold now."""
    data = form.data if form.is_bound else {k: str(v) for k, v in form.initial.items()}
    if not form.is_bound and not form.initial.get("starts_now"):
        data.pop("starts_now", None)
    context = {
        "page": page,
        "form": form,
        "presets": page.presets,
        "said": said,
        "is_set": "set" in page.request.POST,
        "verdict": _judge(page, page.form(data, judged=True)),
        "zone": get_current_timezone(),
    }
    template = "quotas/asking/_form.html" if page.request.htmx else "quotas/asking.html"
    return render(page.request, template, context, status=status)


def _judge(page: AskPage, form: AskForm) -> Verdict | None:
    """None while something typed cannot be judged; the form then says what."""
    at, rules = now(), policy_in_force()
    if not form.check(rules, at=at) or form.terms is None:
        return None
    terms, deployment = form.terms, form.deployment
    tried = try_out(
        form.draft(at=at),
        terms,
        rules,
        others=page.others,
        at=at,
        known=page.known,
        is_barred=page.barred is not None,
    )
    facts, found = evidence_rows.as_json(tried.judged), tried.instead
    places = [
        place_offer(each, found.spots[each.key], page.service, deployment)
        for each in found.openings
    ]
    said = replace(
        verdict(facts, deployment, form.asked, policy=rules, now=at),
        offers=offers_of(found.options, tried.deployments, terms.window, now=at),
        places=places,
        may_plan=bool(places) and may_register_for(page.service.team, page.request.user),
        barred=page.barred.sentence if page.barred else "",
        no_capacity=expected_shortage(deployment, terms.units, at=at) if form.kind in GROWS else "",
    )
    if form.kind == Kind.BURST:
        return said
    change = -terms.units if form.kind == Kind.TRANSFER else terms.units
    return replace(
        said,
        total=words.amount(deployment, facts["baseline_units"] + change),
        rounding=rounding_sentence(deployment, form.asked, abs(terms.units)),
        automatic=said.automatic or terms.units < 0,
        cost_full=said.cost_full if change > 0 else None,
        replay=said.replay if change > 0 else None,
    )
