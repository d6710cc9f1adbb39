"""One simulator for the tests that only ask, own ones for those that kill or configure it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from simulator.tests import worlds
from simulator.tests.foundry_world import foundry_world
from simulator.tests.process import NOW, SimulatorProcess, serving, without_azure
from simulator.tests.sdk import Sdk


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator with a small world, shared by the whole run."""
    chat = worlds.deployment(capacity=50)
    pilot = worlds.deployment("pilot", capacity=10, traffic={"kind": "profile"})
    ptu = worlds.provisioned(spillover_deployment_name="chat", created_at="2026-03-01T00:00:00Z")
    raw = worlds.world(
        worlds.account("one", chat, pilot, ptu), worlds.account("two", worlds.deployment("other"))
    )
    raw["gateways"] = [worlds.gateway()]
    with serving(tmp_path_factory.mktemp("simulator"), raw) as process:
        yield process


@pytest.fixture
def simulator(running: SimulatorProcess) -> SimulatorProcess:
    """The shared simulator as freshly loaded, its clock standing still at NOW."""
    running.control("POST", "/reset")
    running.control("POST", "/clock", {"at": NOW, "frozen": True})
    return running


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., SimulatorProcess]]:
    """Starts simulators of a test's own, in folders below its own."""
    started: list[SimulatorProcess] = []

    def starter(raw: dict[str, Any], *arguments: str, clock: str = NOW) -> SimulatorProcess:
        folder = tmp_path / f"state{len(started)}"
        folder.mkdir()
        (tmp_path / "world.json").write_text(json.dumps(raw))
        process = SimulatorProcess(
            folder, "--world", str(tmp_path / "world.json"), *arguments, clock=clock
        )
        started.append(process)
        return process.start()

    yield starter
    for process in started:
        process.end()


@pytest.fixture
def sdk(simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    """The real Azure SDKs, pointed at the shared simulator by environment alone."""
    yield from azure_environment(simulator, monkeypatch)


@pytest.fixture(scope="session")
def foundry_running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator with accounts of every sort, shared by the whole run."""
    with serving(tmp_path_factory.mktemp("foundry"), foundry_world()) as process:
        yield process


@pytest.fixture
def foundry(foundry_running: SimulatorProcess) -> SimulatorProcess:
    """The shared simulator of :func:`foundry_world` as freshly loaded, its clock at NOW."""
    foundry_running.control("POST", "/reset")
    foundry_running.control("POST", "/clock", {"at": NOW, "frozen": True})
    return foundry_running


@pytest.fixture
def foundry_sdk(foundry: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    """The SDK clients on the simulator with accounts of every sort."""
    yield from azure_environment(foundry, monkeypatch)


def azure_environment(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Sdk]:
    """The clients while the environment points at ``simulator``."""
    for name in without_azure():
        monkeypatch.delenv(name)
    for name, value in simulator.environment().items():
        monkeypatch.setenv(name, value)
    clients = Sdk(simulator)
    yield clients
    clients.close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the SDK's poller and retries would have slept, in seconds; they sleep no more."""
    slept: list[float] = []
    monkeypatch.setattr(RequestsTransport, "sleep", lambda _self, seconds: slept.append(seconds))
    return slept
