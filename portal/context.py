"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.kernel.clock import now
from portal.models import User
from portal.navigation import navigation, url_of


def page(request: HttpRequest) -> dict[str, Any]:
    return {
        "now": now(),
        "mode": settings.MODE,
        "currency": settings.HEADROOM_CURRENCY,
        "shows_simulated_azure": bool(settings.HEADROOM_SIMULATOR_CONTROL_URL),
        "nav": navigation(request),
        "home_url": url_of("home") or "/",
        "search_url": url_of("search"),
        "kill_switch_because": _kill_switch_because(request),
        "kill_switch_url": url_of("kill_switch") or "/",
    }


def _kill_switch_because(request: HttpRequest) -> str:
    """As a sentence; empty while it is off, and for those who are not signed in."""
    user = getattr(request, "user", None)
    reason = user.kill_switch_because if isinstance(user, User) else ""
    return f"{reason.rstrip('.')}." if reason else ""
