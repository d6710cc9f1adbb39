"""Changes: what is written to Azure, how far it came, and the answers that wait for a person."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from portal.doors import posts_from
from portal.kernel.clock import now
from quotas.domain.plan import DRIFT
from quotas.forms_changes import AnswerForm
from quotas.models import Change, Plan, Pool
from quotas.selectors import words
from quotas.selectors.change_list import change_list, stopped_plans
from quotas.selectors.change_page import change_page
from quotas.selectors.changes import changes_visible_to
from quotas.selectors.counts import counts_of
from quotas.selectors.findings import open_findings
from quotas.selectors.gateway_page import waiting_for
from quotas.selectors.pool_plan import pool_plan
from quotas.selectors.statuses import NOT_PLANNED
from quotas.selectors.watched import watch_lists, watched
from quotas.services import drift, kill_switch

OBSERVE_ONLY = "This plan is made and shown; nothing of it is written to Azure."
TABS = (("Open", "open"), ("Verified", "done"), ("All", "all"))


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    at = now()
    found = change_list(request.user, request.GET, at=at)
    counts = counts_of(request.user, **watch_lists(at=at))
    tabs = [
        {"label": label, "url": f"?view={view}", "active": view == found.view}
        for label, view in TABS
    ]
    looked = watched(request.user, counts, at=at)
    context = {"found": found, "tabs": tabs, "watched": looked, "not_planned": NOT_PLANNED}
    context["unplanned"] = looked.unplanned if found.is_first_of_open else []
    context["gateways"] = waiting_for(request.user, at=at)
    context["findings"] = open_findings(request.user, lists_all="findings" in request.GET, at=at)
    return render(request, "quotas/changes.html", context)


@require_GET
def one(request: HttpRequest, pk: int) -> HttpResponse:
    return _page_of(request, _visible(request, pk), AnswerForm())


def _page_of(
    request: HttpRequest, change: Change, form: AnswerForm, *, status: int = 200
) -> HttpResponse:
    page = change_page(change, request.user, at=now())
    form.fields["reason"].required = page.row.may_adopt  # a yes to no edit may go without words
    context = {"page": page, "form": form}
    return render(request, "quotas/change.html", context, status=status)


@posts_from("change", "pk")
def snooze(request: HttpRequest, pk: int) -> HttpResponse:
    change, form = _visible(request, pk), AnswerForm(request.POST)
    if not form.snoozes(drift.snooze, change, by=request.user, at=now()):
        return _page_of(request, change, form, status=422)
    messages.success(request, f"You are asked about {change.deployment} again then.")
    return redirect("changes")


@posts_from("change", "pk")
def adopt(request: HttpRequest, pk: int) -> HttpResponse:
    said = "Adopted: what Azure has is now the baseline of {}."
    return _answered(request, _visible(request, pk), drift.adopt, said)


@posts_from("change", "pk")
def write_back(request: HttpRequest, pk: int) -> HttpResponse:
    change = _visible(request, pk)
    said = f"Agreed: {{}} is written {_when(change.plan.pool, change)}."
    return _answered(request, change, drift.write_back, said)


def _answered(
    request: HttpRequest, change: Change, answer: Callable[..., object], said: str
) -> HttpResponse:
    form = AnswerForm(request.POST)
    if not form.answers(answer, change, by=request.user, at=now()):
        return _page_of(request, change, form, status=422)
    messages.success(request, said.format(change.deployment))
    return redirect("changes")


@require_GET
def plan(request: HttpRequest, pk: int) -> HttpResponse:
    """The plan of a pool as it stands, for those who read everything or operate the pool."""
    pool = get_object_or_404(Pool.objects.with_plan_for(request.user), pk=pk)
    operates = Pool.objects.operated_by(request.user).filter(pk=pk).exists()
    at = now()
    context = {
        "pool": pool,
        "plan": pool_plan(pool, operates=operates, at=at),
        "stopped": stopped_plans([pool], request.user, at=at),
        "trail": words.pool_trail(pool, "Plan"),
        "observe_only_banner": "" if pool.applies else OBSERVE_ONLY,
    }
    return render(request, "quotas/plan.html", context)


@require_POST
def allow_plan(request: HttpRequest, pk: int) -> HttpResponse:
    rows = Plan.objects.filter(pool__in=Pool.objects.visible_to(request.user))
    found = get_object_or_404(rows.select_related("pool"), pk=pk)
    content = request.POST.get("content", "")
    drift.allow_plan(found, content=content, by=request.user, at=now())
    messages.success(request, f"Agreed: the plan goes on {_when(found.pool)}, shrinks first.")
    return redirect("pool_plan", pk=found.pool_id)


def _when(pool: Pool, change: Change | None = None) -> str:
    """What was agreed to is written: the end of a sentence."""
    if not pool.applies:
        return "once an owner of its pool turns applying on; until then the pool only observes"
    if kill_switch.is_on():
        return "once the kill switch is off"
    if change and change.held_by and change.sentence != DRIFT:
        return "once the freeze that holds it is over"
    return "at the next run"


def _visible(request: HttpRequest, pk: int) -> Change:
    return get_object_or_404(changes_visible_to(request.user), pk=pk)
