"""Doors to the pages of shared deployments. Organisation-wide roles read, platform owners write."""

from collections.abc import Mapping
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from portal.access import must_decide_sharing, must_read_everything
from portal.doors import posts_from
from portal.kernel.clock import now
from portal.kernel.errors import DomainError
from portal.kernel.windows import floor_to_hour
from portal.models import User
from quotas.selectors.metering import service_names
from showback.domain.months import day_of
from showback.forms import ShareForm, SplitForm
from showback.gateway import finance_zone
from showback.models import Caller, SharedDeployment
from showback.selectors.shared_page import SharedPage, shared_page
from showback.selectors.shared_pages import SharedList, shareable, shared_list
from showback.services.caller_mapping import end_mapping, first_use, map_caller
from showback.services.sharing import (
    end_sharing,
    end_split_rule,
    set_split_rule,
    share_deployment,
)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    user, at = must_read_everything(request), now()
    page = shared_list(request.GET, at=at)
    form = ShareForm(choices=page.choices.offered, initial={"start": day_of(at, finance_zone())})
    return _list(request, page, form, may_write=user.is_platform_owner)


def _list(
    request: HttpRequest, page: SharedList, form: ShareForm, *, may_write: bool, status: int = 200
) -> HttpResponse:
    context = {"page": page, "form": form, "may_write": may_write}
    return render(request, "showback/sharing/list.html", context, status=status)


@require_safe
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    user, at = must_read_everything(request), now()
    page = _page(pk, at, request.GET)
    return _detail(request, page, _empty_form(page, at), may_write=user.is_platform_owner)


def _detail(
    request: HttpRequest, page: SharedPage, form: SplitForm, *, may_write: bool, status: int = 200
) -> HttpResponse:
    context = {
        "page": page,
        "form": form,
        "may_write": may_write,
        "trail": [("Shared deployments", "/sharing/"), (page.label, "")],
    }
    return render(request, "showback/sharing/detail.html", context, status=status)


@posts_from("shared_deployments")
def add(request: HttpRequest) -> HttpResponse:
    user, at = must_decide_sharing(request), now()
    page = shared_list({"of": request.POST.get("of", "")}, at=at)
    named = shareable(_number(request.POST.get("deployment", "")), at=at)
    choices = dict([*named, *page.choices.offered])
    form = ShareForm(request.POST, choices=list(choices.items()))
    if form.is_valid() and _share(form, user, at):
        chosen, start = form.cleaned_data["deployment"], form.starts_at(at=at)
        words = f"{choices[chosen]} is shared from {start:%d %b %Y, %H:%M} UTC on."
        messages.success(request, f"{words} Say who calls it.")
        return redirect("shared_deployment", chosen)
    return _list(request, page, form, may_write=True, status=422)


def _share(form: ShareForm, user: User, at: datetime) -> bool:
    chosen, start = form.cleaned_data["deployment"], form.starts_at(at=at)
    try:
        share_deployment(chosen, start=start, reason=form.cleaned_data["reason"], by=user, at=at)
    except DomainError as error:
        form.refuse(error)
        return False
    return True


@posts_from("shared_deployment", "pk")
def end(request: HttpRequest, pk: int) -> HttpResponse:
    user, at = must_decide_sharing(request), now()
    get_object_or_404(SharedDeployment.objects.filter(deployment_id=pk)[:1])
    end_sharing(pk, end=floor_to_hour(at), by=user, at=at)
    messages.success(request, "From this hour on it is its holder's. What was shared stays so.")
    return redirect("shared_deployments")


@posts_from("shared_deployment", "pk")
def split(request: HttpRequest, pk: int) -> HttpResponse:
    user, at = must_decide_sharing(request), now()
    page = _page(pk, at)
    form = SplitForm(request.POST, services=page.services.choices)
    if form.is_valid() and _set_rule(form, pk, user, at):
        messages.success(request, "The rule is saved; the figures follow within a minute or two.")
        return redirect("shared_deployment", pk)
    return _detail(request, page, form, may_write=True, status=422)


def _set_rule(form: SplitForm, pk: int, user: User, at: datetime) -> bool:
    try:
        set_split_rule(
            pk,
            form.cleaned_data["shares"],
            start=form.starts_at(at=at),
            until=form.ends_at(),
            reason=form.cleaned_data["reason"],
            by=user,
            at=at,
        )
    except DomainError as error:
        form.refuse(error)
        return False
    return True


@posts_from("shared_deployment", "pk")
def end_rule(request: HttpRequest, pk: int, rule: int) -> HttpResponse:
    user = must_decide_sharing(request)
    end_split_rule(rule, by=user, at=now())
    messages.success(request, "The rule ended with this hour.")
    return redirect("shared_deployment", pk)


@posts_from("shared_deployment", "pk")
def map_one(request: HttpRequest, pk: int, caller: int) -> HttpResponse:
    """From the first use of an unmapped caller; a mapped one changes hands with this hour."""
    user, at = must_decide_sharing(request), now()
    found = get_object_or_404(Caller.objects.select_related("source"), pk=caller)
    key = _number(request.POST.get("service", ""))
    service = service_names([key]).get(key)
    if service is None:
        raise DomainError("Choose the service whose calls these are.", code="no_service")
    start = floor_to_hour(at) if found.mappings.exists() else first_use(found, at=at)
    map_caller(found, service_id=service.id, start=start, by=user, at=at)
    messages.success(request, f"{found} is {service.name} since {start:%d %b %Y, %H:%M} UTC.")
    return redirect("shared_deployment", pk)


@posts_from("shared_deployment", "pk")
def unmap_one(request: HttpRequest, pk: int, caller: int) -> HttpResponse:
    user, at = must_decide_sharing(request), now()
    found = get_object_or_404(Caller, pk=caller)
    end_mapping(found, by=user, at=at)
    messages.success(request, f"{found} is nobody’s from this hour on. What was before stays.")
    return redirect("shared_deployment", pk)


def _number(text: str) -> int:
    return int(text) if text.isdecimal() and len(text) < 18 else 0


def _page(pk: int, at: datetime, params: Mapping[str, str] | None = None) -> SharedPage:
    page = shared_page(pk, params, at=at)
    if page is None:
        raise Http404("There is no such shared deployment.")
    return page


def _empty_form(page: SharedPage, at: datetime) -> SplitForm:
    """The rule that holds now is the draft of the next one."""
    shares = page.running_rule.shares if page.running_rule else []
    rows = [(str(key), f"{share * 100:g}") for key, _, share in shares]
    today = day_of(at, finance_zone())
    return SplitForm(services=page.services.choices, initial={"start": today, "rows": rows})
