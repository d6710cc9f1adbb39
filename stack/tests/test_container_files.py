"""The container files name things that exist, and start the same programs as the demo."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.demo import WORLD, portal_commands
from stack.paths import PROJECT

DOCKERFILE = (PROJECT / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())
    return loaded


def variables(name: str) -> dict[str, str]:
    lines = (PROJECT / "deploy" / name).read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def commands(compose: dict[str, Any]) -> list[list[str]]:
    """Of the services and of the images, where one may go over several lines."""
    in_images = [
        json.loads(found)
        for found in re.findall(r"^CMD (\[.*?\])$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)
    ]
    return in_images + [s["command"] for s in compose["services"].values() if "command" in s]


def test_the_services_are_those_of_production_and_the_demo_adds_the_simulator(
    compose: dict[str, Any],
) -> None:
    services = compose["services"]
    always = {name for name, service in services.items() if "profiles" not in service}
    assert always == {"web", "worker", "beat", "migrate", "postgres", "redis"}
    assert set(services) - always == {"simulator", "seed"}


def test_every_command_starts_something_that_exists(compose: dict[str, Any]) -> None:
    found = commands(compose)
    assert len(found) >= 7
    for program, *words in found:
        if program != "python":
            assert program == "valkey-server"
        elif words[0] == "-m":
            assert importlib.util.find_spec(words[1]), words
        else:
            assert (PROJECT / words[0]).exists(), words
        if "portal.wsgi" in words:
            assert (PROJECT / "portal/wsgi.py").exists()
        if "--world" in words:
            assert PROJECT / words[words.index("--world") + 1] == WORLD


def test_worker_and_schedule_run_as_in_the_demo(compose: dict[str, Any]) -> None:
    demo = portal_commands(8000, Path("/folder"))
    assert compose["services"]["worker"]["command"][1:] == demo["worker"][1:]
    assert compose["services"]["beat"]["command"][1:-1] == demo["beat"][1:-1]


def test_what_services_wait_for_exists(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        assert set(service.get("depends_on", {})) <= set(services), name
        named = [entry.split(":")[0] for entry in service.get("volumes", [])]
        assert set(named) <= set(compose["volumes"]), name


def test_only_the_web_server_is_published_and_on_this_machine_only(
    compose: dict[str, Any],
) -> None:
    ports = {n: s["ports"] for n, s in compose["services"].items() if "ports" in s}
    assert list(ports) == ["web"]
    assert ports["web"][0].startswith("127.0.0.1:")


def test_the_images_copy_what_exists_and_is_not_ignored() -> None:
    admitted = {
        line[1:]
        for line in (PROJECT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = set(re.findall(r"^COPY (\S+) ", DOCKERFILE, re.MULTILINE))
    assert copied == admitted
    for name in copied:
        tracked = subprocess.check_output(["git", "ls-files", name], cwd=PROJECT)
        assert tracked, f"{name} is not part of the repository"


def test_the_images_do_not_run_as_root_and_check_hashes() -> None:
    stages = DOCKERFILE.split("\nFROM ")[2:]
    assert len(stages) == 2
    for stage in stages:
        assert "USER headroom" in stage
        assert "pip install --require-hashes" in stage


def test_the_demo_environment_fits_the_simulator_beside_it(compose: dict[str, Any]) -> None:
    demo, simulator = variables("demo.env"), compose["services"]["simulator"]["command"]
    options = dict(zip(simulator[3::2], simulator[4::2], strict=True))
    address = f"https://{options['--name']}:{options['--port']}"
    assert demo["AZURE_ARM_ENDPOINT"] == address
    assert demo["AZURE_METRICS_ENDPOINT"] == f"{address}/metrics/{{region}}"
    assert demo["AZURE_LOGS_ENDPOINT"] == address
    assert demo["HEADROOM_SIMULATOR_CONTROL_URL"] == f"{address}/_sim"
    assert demo["IDENTITY_ENDPOINT"] == f"http://simulator:{options['--token-port']}/msi/token"
    assert demo["HEADROOM_ENV"] == "deploy/demo.env"
    assert demo["REQUESTS_CA_BUNDLE"].startswith(f"{options['--state']}/")


def test_the_demo_environment_names_the_subscriptions_of_its_world() -> None:
    world = json.loads(WORLD.read_text())
    ids = [subscription["id"] for subscription in world["subscriptions"]]
    assert variables("demo.env")["HEADROOM_SUBSCRIPTIONS"].split(",") == ids


def test_the_example_environment_holds_no_secret() -> None:
    example = variables("example.env")
    assert example["HEADROOM_MODE"] == "production"
    assert example["HEADROOM_SECRET_KEY"] == example["POSTGRES_PASSWORD"] == ""
