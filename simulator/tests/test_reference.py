"""The reference page cannot rot: its examples run, its tables name every call and every knob."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.app import HTTPS_PLANES
from simulator.clock import parse_time
from simulator.command_line import arguments
from simulator.faults import Fault
from simulator.identity import identity_plane
from simulator.login import login_plane
from simulator.reference import REFERENCE, with_knob_table
from simulator.state import RESET_PARTS
from simulator.tests.process import SimulatorProcess, without_azure
from simulator.tokens import Secrets
from simulator.world_file import read_world, resolve_times

PAGE = REFERENCE.read_text()
KEYS = Secrets("header", "key", "secret")
PLANES = (identity_plane(KEYS), login_plane(KEYS, set()), *HTTPS_PLANES)
ROUTES = [(each.method, each.pattern) for plane in PLANES for each in plane.routes]


def blocks(language: str) -> list[str]:
    """The fenced examples of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator with the small world that the examples speak of."""
    process = SimulatorProcess(tmp_path_factory.mktemp("azure"), clock="real").start()
    yield process
    process.end()


def here(text: str, simulator: SimulatorProcess) -> str:
    """An example with this test's folder and interpreter."""
    return text.replace("var/azure", str(simulator.folder)).replace(
        ".venv/bin/python", sys.executable
    )


@pytest.mark.parametrize(("method", "pattern"), ROUTES)
def test_every_call_is_in_a_table(method: str, pattern: str):
    short = pattern
    if pattern.startswith("/subscriptions/{subscription}/"):
        short = pattern.replace("/subscriptions/{subscription}", "…", 1)
        short = short.replace("/providers/Microsoft.CognitiveServices", "CS")
    row = f"`{method} {short}` |"
    assert row in PAGE, f"docs/reference/simulator.md has no row with {row}"


def test_every_row_names_a_call_that_is_played():
    named = re.findall(r"^\|(?: \w+ \|)? `([A-Z]+ [^`]+)` \|", PAGE, re.MULTILINE)
    assert len(named) == len(set(named)) == len(ROUTES)


def test_the_table_of_knobs_is_the_knobs():
    assert with_knob_table(PAGE) == PAGE, "Run python -m simulator.reference."


def test_every_argument_and_every_field_of_a_fault_is_named():
    options = re.findall(r"--[a-z-]+", arguments().format_help())
    fields = list(Fault.__dataclass_fields__)
    parts = re.findall(r"`(\w+)`", PAGE)
    assert [each for each in options if f"`{each}" not in PAGE and each not in PAGE] == []
    assert [each for each in fields if each not in parts] == []
    assert f"of {', '.join(RESET_PARTS)}" in PAGE


def test_the_example_of_a_world_file_is_one():
    (text,) = blocks("json")
    world = read_world(
        resolve_times(json.loads(text), parse_time("2026-03-02T00:00:00Z")),
        parse_time("2026-03-02T00:00:00Z"),
        lambda _name: False,
    )
    assert [each.name for each in world.accounts] == ["contoso-east"]
    assert [each.name for each in world.gateways] == ["contoso-apim"]


@pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash"
)
def test_the_shell_examples_run(documented: SimulatorProcess):
    script = here("set -euo pipefail\n" + "\n".join(blocks("bash")), documented)
    environment = {name: value for name, value in os.environ.items() if name not in without_azure()}
    done = subprocess.run(
        ["bash", "-c", script],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert '"contoso-north"' in done.stdout
    assert documented.control("GET", "/faults") == {"value": []}, "the last example is a reset"


def test_the_python_example_runs(documented: SimulatorProcess):
    (text,) = blocks("python")
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", here(text, documented)],
        env={**environment, **documented.environment()},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "['contoso-east', 'contoso-north']\n", done.stderr


def test_links_of_the_page_lead_somewhere():
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (REFERENCE.parent / target).is_file(), target
    index = (Path(REFERENCE).parents[1] / "README.md").read_text()
    assert "(reference/simulator.md)" in index
