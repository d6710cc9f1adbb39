"""Every page of the portal with an example to show: found in the URL table, so none is left out.

A route is a page when a GET of it answers 200 with HTML; actions answer 405 to that.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.core.management import CommandError
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from portal.kernel.windows import DAY, HOUR
from quotas.models import CapacityRequest, Finding, Pool, Service
from quotas.selectors.words import INPUT_FORMAT
from showback.domain.months import Month, day_of
from showback.gateway import finance_zone
from showback.models import SharedDeployment

# Not pages that people work with: the door, the design system, checks by machines, the API, and the
# ways from a message, or a draft, to what it is about.
LEFT_OUT = ("login", "logout", "styleguide", "live", "ready", "message", "draft_resume")
LEFT_OUT_UNDER = ("api/",)
PARAMETERS = {"search": "?q=service", "service": "?period=7d", "drill": "?region=eastus2"}


def routes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and parameters of every route but those left out."""
    for path, pattern in _walk(get_resolver(), ""):
        name = pattern.name
        if name and name not in LEFT_OUT and not path.startswith(LEFT_OUT_UNDER):
            yield name, tuple(pattern.pattern.converters)


def _walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for each in resolver.url_patterns:
        path = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from _walk(each, path)
        else:
            yield path, each


def addresses(*, at: datetime) -> dict[str, str]:
    """Name → address of what may be a page: actions are among them still."""
    examples = Examples(at)
    found = {
        name: reverse(name, kwargs=examples.of(name, parameters)) + PARAMETERS.get(name, "")
        for name, parameters in routes()
    }
    return found | {"burst_verdict": found["request_burst"] + examples.verdict()}


class Examples:
    """What stands for the parameters of a route."""

    def __init__(self, at: datetime) -> None:
        service = Service.objects.filter(deployments__isnull=False).order_by("pk").first()
        pool = Pool.objects.allocatable().order_by("pk").first()
        request = CapacityRequest.objects.order_by("pk").first()
        shared, found = SharedDeployment.objects.first(), Finding.objects.first()
        if not (service and pool and request and shared and found):
            raise CommandError("There is nothing to show.")
        self.by_name: dict[str, Any] = {
            "slug": service.slug,
            "service": service.slug,
            "team": service.team.slug,
            "month": str(Month.of(day_of(at, finance_zone()))),
            "day": day_of(at, finance_zone()).day,
        }
        self.at = at
        self.keys: dict[str, int] = {
            "pool": pool.pk,
            "pool_reserve": pool.pk,
            "pool_reserve_check": pool.pk,
            "request": request.pk,
            "shared_deployment": shared.deployment_id,
            "gateway_limits": shared.deployment_id,
            "finding": found.pk,
            "unmap_deployment": service.deployments.present().order_by("pk")[0].pk,
        }

    def of(self, name: str, parameters: tuple[str, ...]) -> dict[str, Any]:
        """A page of one thing goes by that thing's key; anything else by the first there is."""
        return {each: self.by_name.get(each, self.keys.get(name, 1)) for each in parameters}

    def verdict(self) -> str:
        """What somebody has typed so far who asks for tomorrow."""
        start, end = self.at + DAY, self.at + DAY + HOUR
        window = f"starts_at={start:{INPUT_FORMAT}}&ends_at={end:{INPUT_FORMAT}}"
        return f"?verdict=yes&amount=20k&{window}"
