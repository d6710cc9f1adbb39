"""Asking for a burst: one form, a live verdict beside it, everything works without script."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.timezone import get_current_timezone
from django.views.decorators.http import require_GET, require_http_methods

from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.kernel.windows import Window
from quotas.domain.states import RequestState
from quotas.forms import LARGEST, BurstForm, WindowForm
from quotas.forms_asking import MAY_LACK
from quotas.models import CapacityRequest, Deployment, Service
from quotas.selectors import ask_forms, burst_form
from quotas.selectors.holdings import Holding, holdings_of
from quotas.selectors.policy import policy_in_force
from quotas.selectors.verdict import INPUT_FORMAT, Verdict, verdict
from quotas.services import evidence, evidence_rows
from quotas.services.drafts import save_draft
from quotas.services.refusals import breaks_residency, not_yours, refuse
from quotas.services.requests import submit
from quotas.views.sources import draft_of, kept_sentence, source_of

NOT_APPLIED = "Its pool only observes, so nothing is written to Azure."
SETTABLE = ("amount", "ends_at")  # what a preset or an offer may fill in


@require_http_methods(["GET", "HEAD", "POST"])
def request_burst(request: HttpRequest, slug: str) -> HttpResponse:
    service, deployment = asked_for(request, slug)
    usual = _usual(service, deployment)
    facts = evidence_rows.as_json(usual)
    if request.method != "POST":
        if source := source_of(request, service):
            filled = ask_forms.initial_of(source, at=now(), zone=get_current_timezone())
            form = BurstForm(initial=filled, service=service, deployment=deployment)
            return _page(request, form, usual)
        units = _sufficient(request)
        form = _prefilled(service, deployment, facts, units)
        said = burst_form.sufficient_sentence(deployment, facts, units)
        return _page(request, form, usual, said=said)
    if (filled := _filled_in(request.POST)) is not None:
        form = BurstForm(initial=filled, service=service, deployment=deployment)
        return _page(request, form, usual)
    form = BurstForm(request.POST, service=service, deployment=deployment)
    if "keep" in request.POST and (kept := _keep(request, form)):
        return kept
    sent = None if "keep" in request.POST else _submit(request, form)
    return redirect(sent) if sent else _page(request, form, usual, status=422)


@require_GET
def burst_verdict(request: HttpRequest, slug: str) -> HttpResponse:
    """The fragment while someone types; a whole page is never asked of this address."""
    service, deployment = asked_for(request, slug)
    form = WindowForm(request.GET, service=service, deployment=deployment)
    context = {"verdict": _judge(form), "form": form, "checked": True}
    return render(request, "quotas/burst/_verdict.html", context)


def asked_for(request: HttpRequest, slug: str) -> tuple[Service, Deployment]:
    """404 for another team's service; a sentence where this person or service cannot ask."""
    rows = Service.objects.visible_to(request.user).select_related("team", "owner").distinct()
    service = get_object_or_404(rows, slug=slug)
    if not Service.objects.may_request(request.user).filter(pk=service.pk).exists():
        raise not_yours(service)
    chosen = request.POST.get("deployment") or request.GET.get("deployment")
    deployment = burst_form.deployment_named(service, chosen)
    if deployment is None:
        raise refuse(
            "no_pool",
            f"{service} has no deployment that a quota pool is known to feed, so there is nothing "
            "to ask for yet. The platform owners map deployments to services.",
        )
    if barred := breaks_residency(service, deployment):
        raise barred
    return service, deployment


def _usual(service: Service, deployment: Deployment) -> evidence.Judged:
    """What is known for the next working hours: where the form begins."""
    window = burst_form.next_working_hours(now(), get_current_timezone())
    return _gathered(service, deployment, units=deployment.step_units or 1, window=window)


def _sufficient(request: HttpRequest) -> int:
    """Units that a page on throttling worked out, in the link to this form; 0 without."""
    text = request.GET.get("units", "")
    return min(int(text), LARGEST) if text.isdecimal() and text.isascii() else 0


def _prefilled(
    service: Service, deployment: Deployment, facts: dict[str, Any], sufficient_units: int
) -> BurstForm:
    window = burst_form.next_working_hours(now(), get_current_timezone())
    amount = burst_form.first_amount(deployment, facts, sufficient_units=sufficient_units)
    initial = {
        "amount": f"{amount:,}",
        "starts_at": window.start.strftime(INPUT_FORMAT),
        "ends_at": window.end.strftime(INPUT_FORMAT),
    }
    return BurstForm(initial=initial, service=service, deployment=deployment)


def _filled_in(data: QueryDict) -> dict[str, Any] | None:
    """What was typed, with a preset filled in; None when the request itself is to be sent."""
    if {"send", "keep"} & set(data) or not ({"check"} | {f"set_{name}" for name in SETTABLE}) & set(
        data
    ):
        return None
    chosen = {name: data[f"set_{name}"] for name in SETTABLE if f"set_{name}" in data}
    return {**data.dict(), **chosen}


def _submit(request: HttpRequest, form: BurstForm) -> CapacityRequest | None:
    """The request, or None: then the form says why not, and nothing was written."""
    at = now()
    if not form.check(policy_in_force(), at=at):
        return None
    try:
        saved = draft_of(source_of(request, form.service))
        sent = submit(form.draft(at=at), by=request.user, at=at, saved=saved)
    except DomainError as error:
        form.refuse(error)
        return None
    messages.success(request, thanks(sent))
    return sent


def _keep(request: HttpRequest, form: BurstForm) -> HttpResponse | None:
    """As a draft, for its writer alone; None where what was typed cannot be kept: the form says."""
    form.full_clean()
    if set(form.errors) - MAY_LACK:
        return None
    at, saved = now(), draft_of(source_of(request, form.service))
    try:
        kept = save_draft(form.draft(at=at), by=request.user, at=at, saved=saved)
    except DomainError as error:
        form.refuse(error)
        return None
    messages.success(request, kept_sentence(kept))
    return redirect("requests")


def thanks(sent: CapacityRequest) -> str:
    if sent.state == RequestState.APPROVED:
        starts = "It starts and ends by itself." if sent.deployment.pool.applies else NOT_APPLIED
        return f"Request #{sent.pk} is approved by the policy. {starts}"
    asked = ", then ".join(stage["name"] for stage in sent.stages)
    return f"Request #{sent.pk} waits for {asked}. You need do nothing more."


def _page(
    request: HttpRequest,
    form: BurstForm,
    usual: evidence.Judged,
    *,
    status: int = 200,
    said: str = "",
) -> HttpResponse:
    """The whole page, or only the form for htmx. The verdict is of what the fields hold now."""
    deployment, service = form.deployment, form.service
    context = {
        "form": form,
        "service": service,
        "deployment": deployment,
        "holding": holdings_of([service.pk], at=now()).get(service.pk, Holding()),
        "presets": burst_form.presets(deployment, evidence_rows.as_json(usual)),
        "sufficient": said,
        "tabs": burst_form.tabs(service, deployment),
        "verdict": _judge(_same_window(form), usual),
        "zone": get_current_timezone(),
        "here": request.get_full_path(),
    }
    fragment = "quotas/burst/_form.html" if request.htmx else "quotas/burst.html"
    return render(request, fragment, context, status=status)


def _same_window(form: BurstForm) -> WindowForm:
    """The form's window fields, judged whether they were sent or only filled in."""
    data = form.data if form.is_bound else {k: str(v) for k, v in form.initial.items()}
    return WindowForm(data, service=form.service, deployment=form.deployment)


def _judge(form: WindowForm, usual: evidence.Judged | None = None) -> Verdict | None:
    """None while something typed cannot be judged; the form then says what.

    What `usual` knows is not read again.
    """
    at, rules = now(), policy_in_force()
    if not form.check(rules, at=at):
        return None
    draft = form.draft(at=at)
    window = Window(at if draft.starts_now else draft.starts_at, draft.ends_at)
    judged = _gathered(form.service, form.deployment, units=draft.units, window=window, known=usual)
    facts = evidence_rows.as_json(judged)
    return verdict(facts, form.deployment, form.asked, policy=rules, starts_at=window.start, now=at)


def _gathered(
    service: Service,
    deployment: Deployment,
    *,
    units: int,
    window: Window,
    known: evidence.Judged | None = None,
) -> evidence.Judged:
    asked = evidence.Asked(service, deployment, units, window)
    return evidence.gather(asked, at=now(), known=known)
