"""One simulated Azure for all tests here, reset before each; the portal's clients pointed at it."""

from collections.abc import Iterator

import pytest
from django.conf import LazySettings
from django.core.cache import cache

from portal.cloud.clients import forget_clients
from portal.cloud.credentials import forget_credentials
from stack import simulator_process
from stack.simulator_process import SimulatorProcess

MOMENT = "2026-03-04T12:00:00Z"


@pytest.fixture(scope="session")
def running_simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    with simulator_process.start(tmp_path_factory.mktemp("azure"), clock=MOMENT) as running:
        yield running


@pytest.fixture
def simulator(
    running_simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> Iterator[SimulatorProcess]:
    running_simulator.control("POST", "/reset")
    for name, value in running_simulator.environment.items():
        monkeypatch.setenv(name, value)
    settings.AZURE_ARM_ENDPOINT = running_simulator.environment["AZURE_ARM_ENDPOINT"]
    settings.AZURE_METRICS_ENDPOINT = running_simulator.environment["AZURE_METRICS_ENDPOINT"]
    settings.AZURE_LOGS_ENDPOINT = running_simulator.environment["AZURE_LOGS_ENDPOINT"]
    forget()
    yield running_simulator
    forget()


def forget() -> None:
    forget_clients()
    forget_credentials()


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Counters and pauses are shared by all processes, so by all tests."""
    cache.clear()
    yield
    cache.clear()
