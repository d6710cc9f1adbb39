"""The first page: what matters to this person now. One part for each thing a person may be."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.kernel.clock import now
from portal.models import Role, User
from portal.views.home.audit import latest_rows
from portal.views.home.freshness import freshness
from portal.views.home.mine import my_services
from portal.views.home.money import money_so_far
from portal.views.home.platform import platform_work
from quotas.selectors.inbox import inbox_count
from showback.selectors.data_age import data_until


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Somebody with several roles sees several parts; the first one's answer leads the page."""
    user, at = request.user, now()
    assert isinstance(user, User)  # noqa: S101  the login middleware lets nobody else through
    fresh = freshness(at=at) if user.operates_pools or user.reads_everything else None
    context = {
        "platform": platform_work(user, at=at) if user.operates_pools else None,
        "to_decide": inbox_count(user, at=at) if decides_elsewhere(user) else 0,
        "mine": my_services(user, at=at),
        "money": money_so_far(user, at=at) if Role.FINANCE in user.roles else None,
        "audit": latest_rows(at=at) if Role.AUDITOR in user.roles else None,
        "is_admin": Role.ADMIN in user.roles,
        "fresh": fresh,
        "data_until": fresh.data_until if fresh else data_until(at),
        "may_see_health": user.reads_everything,
    }
    return render(request, "portal/home.html", context)


def decides_elsewhere(user: User) -> bool:
    """Finance, and delegates: they decide, and have no part of the platform's own here."""
    return user.decides_requests and not user.operates_pools
