"""How long each page takes to answer, inside this process, on the data that is in the database.

The web server and the network are left out, so that the figure is the portal's own; the person is
a platform owner, who sees the most; the form for a burst is opened by the owner of its service.
"""

import statistics
import time
from typing import Any

from django.core.management import CommandError
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse

from portal.kernel.clock import now
from portal.models import RoleGrant, User
from quotas.models import CapacityRequest, Pool, Service

BURST = "request a burst"


def addresses() -> dict[str, str]:
    """The pages people open daily, by name."""
    service, pool = Service.objects.first(), Pool.objects.allocatable().first()
    request = CapacityRequest.objects.first()
    if service is None or pool is None:
        raise CommandError("There is nothing to show yet: run ./headroom demo first.")
    month = f"{now():%Y-%m}"
    plain = ("home", "services", "requests", "inbox", "pools", "changes", "unmapped", "health")
    found = {name: reverse(name) for name in plain}
    found["service"] = reverse("service", args=[service.slug])
    found[BURST] = reverse("request_burst", args=[service.slug])
    found["pool"] = reverse("pool", args=[pool.pk])
    if request is not None:
        found["request"] = reverse("request", args=[request.pk])
    found["showback month"] = f"/showback/{month}/"
    found["showback team"] = f"/showback/{month}/{service.team.slug}/"
    found["showback service"] = f"/showback/{month}/{service.team.slug}/{service.slug}/"
    return found


def bench_pages(quick: bool) -> dict[str, Any]:
    """Rows of page, median and p95 in milliseconds, size in kilobytes."""
    grant = RoleGrant.objects.filter(role="platform_owner").select_related("user").first()
    if grant is None:
        raise CommandError("Nobody is a platform owner yet: run ./headroom demo first.")
    repeats = 15 if quick else 60
    with override_settings(SECURE_SSL_REDIRECT=False, ALLOWED_HOSTS=["testserver"]):
        platform, owner = _signed_in(grant.user), _signed_in(Service.objects.first().owner)
        rows = [
            _measure(owner if name == BURST else platform, name, url, repeats)
            for name, url in addresses().items()
        ]
    slowest = max(row["median_ms"] for row in rows)
    return {"rows": rows, "repeats": repeats, "slowest_median_ms": slowest}


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _measure(client: Client, name: str, url: str, repeats: int) -> dict[str, Any]:
    answer = client.get(url)  # warms templates and connections
    if answer.status_code != 200:
        raise CommandError(f"{url} answered {answer.status_code}.")
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        client.get(url)
        times.append((time.perf_counter() - began) * 1000)
    return {
        "page": name,
        "median_ms": round(statistics.median(times), 1),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
        "kB": round(len(answer.content) / 1000, 1),
    }
