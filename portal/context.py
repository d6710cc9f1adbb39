"""What every template may use."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from portal.kernel.clock import now
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
    }
