"""`manage.py bench pages`: how long each page takes to answer at scale, and with how many queries.

Two organisations of its own (`sandbox`), made alike: one of the demo's size, and one of 1,000
deployments (quick: 100), each with 93 days of use by the minute. Every page is asked of both in
turn, so that what else the machine does meets both. A page whose cost does not grow with what is
stored has a ratio of about 1.

The web server and the network are left out, so that the figure is the portal's own. The person is
a platform owner, who sees the most; some pages are also asked for by others.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from portal.kernel.clock import now
from portal.management.benches.made_organisation import make_organisation
from portal.management.benches.made_quarter import make_quarter
from portal.management.benches.made_work import make_work
from portal.management.benches.page_addresses import addresses
from portal.management.benches.sandbox import own_tables, say, within
from portal.models import Role, User
from quotas.models import AzureAccount, Service

DEMO, SCALE = "demo", "scale"
DEMO_DEPLOYMENTS, QUICK_DEPLOYMENTS, DEPLOYMENTS = 33, 100, 1_000
ROUNDS, QUICK_ROUNDS, IN_A_ROW = 8, 3, 5
MOST_RATIO, MOST_QUERIES = 1.5, 12
OF_OWNERS = ("request_burst", "burst_verdict")
CLOCK = "portal_clockoffset"
PAGE_TYPES = ("text/html",)
PLAIN_FILES = "django.contrib.staticfiles.storage.StaticFilesStorage"


@dataclass
class Asked:
    """One page for one person in one organisation."""

    url: str
    client: Client
    queries: int = 0
    kilobytes: float = 0.0

    def get(self) -> float:
        """Milliseconds of one answer."""
        began = time.perf_counter()
        self.client.get(self.url)
        return (time.perf_counter() - began) * 1000


def bench_pages(quick: bool) -> dict[str, Any]:
    """`pages`: by name median, p95, queries, and the median's ratio to that at the demo's size."""
    sizes = {DEMO: DEMO_DEPLOYMENTS, SCALE: QUICK_DEPLOYMENTS if quick else DEPLOYMENTS}
    rounds = QUICK_ROUNDS if quick else ROUNDS
    with own_tables(*sizes), _settings():
        for name, count in sizes.items():
            within(name)
            make(count)
        found = {name: _pages(name) for name in sizes}
        pages = {
            page: _measure(page, {name: found[name][page] for name in sizes}, rounds)
            for page in found[SCALE]
            if page in found[DEMO]
        }
    return _result(sizes[SCALE], pages)


def make(count: int) -> None:
    """An organisation with so many deployments in the tables at hand."""
    began = time.monotonic()
    say(f"{count} deployments with 93 days of use are made")
    at = now()
    made = make_organisation(count, at=at)
    make_quarter(made)
    make_work(made)
    say(f"made in {time.monotonic() - began:.0f} s")


@contextmanager
def _settings() -> Iterator[None]:
    # Months of UTC days, as the copied days are. Nothing of the installation: health asks after the
    # subscriptions that were made (`_visit`), and plain static files need no manifest.
    with override_settings(
        HEADROOM_SUBSCRIPTIONS=[],
        HEADROOM_LOG_WORKSPACES=[],
        STORAGES=settings.STORAGES | {"staticfiles": {"BACKEND": PLAIN_FILES}},
        SECURE_SSL_REDIRECT=False,
        ALLOWED_HOSTS=["testserver"],
        HEADROOM_FINANCE_TIME_ZONE="UTC",
    ):
        yield


def _visit(organisation: str) -> None:
    """From now on its tables are read, and its subscriptions are those of the settings."""
    within(organisation)
    ids = AzureAccount.objects.order_by("subscription_id").values_list("subscription_id", flat=True)
    settings.HEADROOM_SUBSCRIPTIONS = list(ids.distinct())


def _pages(organisation: str) -> dict[str, Asked]:
    """Every page, once asked for, so that templates and plans are warm."""
    _visit(organisation)
    platform = _signed_in(User.objects.get(username=Role.PLATFORM_OWNER))
    finance = _signed_in(User.objects.get(username=Role.FINANCE))
    owner = _signed_in(Service.objects.order_by("pk")[0].owner)
    found = {name: Asked(url, platform) for name, url in addresses(at=now()).items()}
    found |= {
        "home of a team": Asked(found["home"].url, owner),
        "home of finance": Asked(found["home"].url, finance),
        **{name: Asked(found[name].url, owner) for name in OF_OWNERS},
    }
    return {name: asked for name, asked in found.items() if _is_page(name, asked)}


def _is_page(name: str, asked: Asked) -> bool:
    """Redirects, actions and forms that nobody filled in are none. CommandError for one that
    fails.
    """
    answer = asked.client.get(asked.url)
    if answer.status_code in (302, 405, 422):
        return False
    if answer.status_code != 200:
        raise CommandError(
            f"{name} ({asked.url}) answered {answer.status_code}. A page of one thing needs an "
            "example of it in page_addresses.py."
        )
    with CaptureQueriesContext(connection) as queries:
        asked.client.get(asked.url)
    # Outside production the clock's offset is asked for twice a second, by whatever page it meets.
    asked.queries = sum(CLOCK not in query["sql"] for query in queries)
    asked.kilobytes = len(answer.content) / 1000
    return answer.headers["Content-Type"].startswith(PAGE_TYPES)


def _signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def _measure(name: str, asked: dict[str, Asked], rounds: int) -> dict[str, Any]:
    say(name)
    times: dict[str, list[float]] = {each: [] for each in asked}
    for _ in range(rounds):
        for organisation, page in asked.items():
            _visit(organisation)
            page.get()  # plans anew, as the connection was led elsewhere
            times[organisation] += [page.get() for _ in range(IN_A_ROW)]
    median = {each: statistics.median(values) for each, values in times.items()}
    return {
        "median_ms": round(median[SCALE], 1),
        "p95_ms": round(statistics.quantiles(times[SCALE], n=20)[-1], 1),
        "queries": asked[SCALE].queries,
        "ratio_to_demo": round(median[SCALE] / median[DEMO], 2),
        "kB": round(asked[SCALE].kilobytes, 1),
    }


def _result(deployments: int, pages: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "deployments": deployments,
        "rows": [{"page": name, **figures} for name, figures in pages.items()],
        "pages": pages,
        "above_ratio": [n for n, page in pages.items() if page["ratio_to_demo"] > MOST_RATIO],
        "above_queries": [n for n, page in pages.items() if page["queries"] > MOST_QUERIES],
    }
