"""Doors to the showback pages: an address serves the page and, with `?format=csv`, its table."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from portal.kernel.clock import now
from showback import exports
from showback.selectors.cost_rows import part_of
from showback.selectors.month import ListPage, organisation_month, team_month
from showback.selectors.scope import (
    AccountScope,
    MemberScope,
    MonthScope,
    account_scope,
    day_in,
    member_scope,
    month_scope,
    running_month,
)
from showback.selectors.service_day import service_day
from showback.selectors.service_month import service_month


@require_safe
def showback(request: HttpRequest) -> HttpResponse:
    return redirect("showback_month", str(running_month(at=now())))


@require_safe
def month(request: HttpRequest, month: str) -> HttpResponse:
    scope = _month(month)
    page = organisation_month(request.user, scope, at=now())
    if _wants_csv(request):
        return exports.list_csv(f"showback-{month}", "Team", page, settings.HEADROOM_CURRENCY)
    trail = [("Showback", ""), (scope.month.name, "")]
    return render(request, "showback/month.html", _list_of(request, page, scope, trail))


@require_safe
def team(request: HttpRequest, month: str, team: str) -> HttpResponse:
    scope = _account(request, month, team)
    page = team_month(scope, at=now())
    if _wants_csv(request):
        name = f"showback-{month}-{scope.name}"
        return exports.list_csv(name, "Service", page, settings.HEADROOM_CURRENCY)
    trail = [(scope.month.month.name, scope.month.url), (scope.name, "")]
    return render(request, "showback/team.html", _list_of(request, page, scope, trail))


@require_safe
def service(request: HttpRequest, month: str, team: str, service: str) -> HttpResponse:
    scope = _member(request, month, team, service)
    page = service_month(scope)
    if _wants_csv(request):
        name = f"showback-{month}-{scope.slug}"
        return exports.service_csv(name, page, settings.HEADROOM_CURRENCY)
    trail = [*_trail_of(scope), (scope.name, "")]
    return render(request, "showback/service.html", {"page": page, "scope": scope, "trail": trail})


@require_safe
def day(request: HttpRequest, month: str, team: str, service: str, day: int) -> HttpResponse:
    scope = _member(request, month, team, service)
    date = day_in(scope.of.month, day)
    if date is None:
        raise Http404("There is no such day yet.")
    page = service_day(scope, date)
    if _wants_csv(request):
        return exports.day_csv(f"showback-{date}-{scope.slug}", page, settings.HEADROOM_CURRENCY)
    trail = [*_trail_of(scope), (scope.name, scope.url), (f"{date:%a} {date.day} {date:%b}", "")]
    return render(request, "showback/day.html", {"page": page, "scope": scope, "trail": trail})


def _list_of(
    request: HttpRequest,
    page: ListPage,
    scope: MonthScope | AccountScope,
    trail: list[tuple[str, str]],
) -> dict[str, object]:
    part = part_of(page.rows, request.GET)
    return {"page": page, "part": part, "scope": scope, "trail": trail}


def _month(text: str) -> MonthScope:
    scope = month_scope(text, at=now())
    if scope is None:
        raise Http404("There is no such month yet.")
    return scope


def _account(request: HttpRequest, month: str, slug: str) -> AccountScope:
    scope = account_scope(request.user, _month(month), slug)
    if scope is None:
        raise Http404("There is no such team, or you may not see it.")
    return scope


def _member(request: HttpRequest, month: str, team: str, slug: str) -> MemberScope:
    scope = member_scope(_account(request, month, team), slug)
    if scope is None:
        raise Http404("There is no such service, or you may not see it.")
    return scope


def _trail_of(scope: MemberScope) -> list[tuple[str, str]]:
    return [(scope.of.month.month.name, scope.of.month.url), (scope.of.name, scope.of.url)]


def _wants_csv(request: HttpRequest) -> bool:
    return request.GET.get("format") == "csv"
