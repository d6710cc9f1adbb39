"""One simulated Azure for all tests of a module; the portal is pointed at it."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport
from django.core.cache import cache

from quotas.tests import factories
from showback.services.price_data import shipped_prices
from showback.services.prices import load_prices
from stack import simulator_process
from stack.simulator_process import SimulatorProcess
from tests.conftest import forget_clients, point_portal_at
from tests.faults.installation import START, WORKSPACE, Installation, Rows, tables, taken_back

MODELS = ("gpt-4o", "gpt-4.1-mini", "text-embedding-3-large", "")


@pytest.fixture(scope="module")
def running_azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    folder = tmp_path_factory.mktemp("faults")
    with simulator_process.start(folder, clock=START.isoformat()) as running:
        yield running


@pytest.fixture
def portal(
    running_azure: SimulatorProcess, db: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    """Nothing is read yet. Sleeps between tries take no time; both pages show `portal.at`."""
    running_azure.control("POST", "/reset")
    point_portal_at(running_azure, settings, monkeypatch)
    settings.HEADROOM_LOG_WORKSPACES = [WORKSPACE]
    monkeypatch.setattr(RequestsTransport, "sleep", lambda self, seconds: None)
    cache.clear()
    load_prices([row for row in shipped_prices() if row.model_name in MODELS])
    found = Installation(running_azure, factories.person("Cleo", factories.PLATFORM_OWNER))
    monkeypatch.setattr("portal.views.health_page.now", lambda: found.at)
    monkeypatch.setattr("portal.views.home.now", lambda: found.at)
    yield found
    cache.clear()
    forget_clients()


@pytest.fixture(scope="module")
def kept() -> dict[str, Rows]:
    return {}


@pytest.fixture
def never_faulty(portal: Installation, kept: dict[str, Rows]) -> Callable[..., Rows]:
    """The tables after a story in which nothing went wrong; each story is told once a module."""

    def told(story: Callable[[Installation], None]) -> Rows:
        if story.__name__ not in kept:
            with taken_back():
                story(portal)
                kept[story.__name__] = tables()
            portal.azure.control("POST", "/reset")
            cache.clear()
        return kept[story.__name__]

    return told
