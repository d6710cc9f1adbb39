"""Tests of the whole house: the portal against the simulated Azure, both clocks, a real browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from portal.management.clocks import TwoClocks
from portal.models import User
from quotas import gateway as quotas_gateway
from quotas.tests import factories
from showback import gateway as showback_gateway
from stack import simulator_process
from stack.simulator_process import SimulatorProcess
from tests.golden import world

SETTINGS = (
    "AZURE_ARM_ENDPOINT",
    "AZURE_METRICS_ENDPOINT",
    "AZURE_LOGS_ENDPOINT",
    "HEADROOM_SIMULATOR_CONTROL_URL",
)


@pytest.fixture(scope="session")
def golden_trace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return world.trace_file(tmp_path_factory.mktemp("trace"))


@pytest.fixture
def simulated_azure(
    tmp_path: Path, golden_trace: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimulatorProcess]:
    """A simulated Azure of its own, with the trace on golden-eus2/code, and the portal pointed at
    it.
    """
    running = simulator_process.start(
        tmp_path / "azure",
        world=world.write_world(tmp_path),
        trace=golden_trace,
        trace_deployment="golden-eus2/code",
        trace_start=world.TRACE_START.isoformat(),
    )
    try:
        point_portal_at(running, settings, monkeypatch)
        yield running
    finally:
        running.stop()
        forget_clients()


def point_portal_at(
    azure: SimulatorProcess, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    for name in SETTINGS:
        setattr(settings, name, azure.environment[name])
    settings.HEADROOM_SUBSCRIPTIONS = azure.environment["HEADROOM_SUBSCRIPTIONS"].split(",")
    forget_clients()


def forget_clients() -> None:
    """Gateways and the Azure clients behind them are kept per process; each test has its own
    Azure.
    """
    from portal.cloud import clients, credentials

    quotas_gateway.capacity_gateway.cache_clear()
    showback_gateway.usage_source.cache_clear()
    for module in (clients, credentials):
        for kept in vars(module).values():
            if hasattr(kept, "cache_clear"):
                kept.cache_clear()


@pytest.fixture
def clocks(simulated_azure: SimulatorProcess, db: None) -> Iterator[TwoClocks]:
    found = TwoClocks()
    yield found
    found.back_to_real()


@pytest.fixture
def ada(db: None) -> User:
    return factories.person("Ada")


@pytest.fixture
def cleo(db: None) -> User:
    return factories.person("Cleo", factories.PLATFORM_OWNER)
