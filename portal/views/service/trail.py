"""Where a page of a service stands."""

from urllib.parse import urlencode

from django.urls import reverse

from quotas.models import Service


def trail_of(service: Service, *, is_last: bool = True) -> list[tuple[str, str]]:
    """The last has no address: it is the page itself."""
    services = reverse("services")
    of_team = urlencode({"services.q": service.team.name})
    here = "" if is_last else service.get_absolute_url()
    return [
        ("Services", services),
        (service.team.name, f"{services}?{of_team}"),
        (service.name, here),
    ]
