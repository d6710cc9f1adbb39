"""The program: what survives a restart, what it refuses, what it tells its starter."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulator.__main__ import main
from simulator.server import bind
from simulator.tests import worlds
from simulator.tests.process import SimulatorProcess
from simulator.tests.raw import raw_batch

Start = Callable[..., SimulatorProcess]
ROOT = Path(__file__).parents[2]
TRACE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.97,4808,10\n"
    "2023-11-16 18:17:04.03,3180,8\n2023-11-16 18:19:00.00,100,1\n"
)


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The sentence of a start that is expected to fail."""
    assert main([*arguments]) == 2
    sentence = capsys.readouterr().err
    assert sentence.startswith("The simulator did not start.")
    return sentence


def prompt_points(simulator: SimulatorProcess, deployment: str = "chat") -> list[dict[str, Any]]:
    wire = raw_batch(
        simulator, "ProcessedPromptTokens", filter=f"ModelDeploymentName eq '{deployment}'",
        starttime="2026-03-04T09:00:00Z", endtime="2026-03-04T10:00:00Z",
    )  # fmt: skip
    data: list[dict[str, Any]] = wire["values"][0]["value"][0]["timeseries"][0]["data"]
    return data


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_capacities_clock_limits_and_addresses_survive_a_restart(start: Start, number: int):
    simulator = start(worlds.world_of(worlds.deployment()))
    first = simulator.ready
    clock = simulator.control("POST", "/clock", {"at": "2026-03-04T12:00:00Z", "frozen": True})
    simulator.control("POST", "/edit", {"account": "one", "deployment": "chat", "capacity": 30})
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    simulator.control("POST", "/edit", {"account": "one", "deployment": "chat", "capacity": 400})
    simulator.control("POST", "/knobs", {"metrics_latency_minutes": 4})
    before, points = simulator.control("GET", "/state"), prompt_points(simulator)
    token = simulator.token("https://management.azure.com")
    simulator.stop(number)

    simulator.start()
    assert simulator.control("GET", "/state") == before
    assert simulator.control("GET", "/clock")["at"] == "2026-03-04T13:00:00Z"
    assert clock["frozen"]
    assert prompt_points(simulator) == points
    assert {**simulator.ready, "pid": 0} == {**first, "pid": 0}
    with simulator.http() as http:
        path = f"/subscriptions/{worlds.SUBSCRIPTION}/providers/Microsoft.CognitiveServices"
        headers = {"Authorization": f"Bearer {token}"}
        answer = http.get(f"{path}/accounts?api-version=1", headers=headers)
    assert answer.status_code == 200, "a token cached by a client stays good"


def test_an_acknowledged_write_is_on_disk(start: Start):
    simulator = start(worlds.world_of(worlds.deployment()))
    edit = {"account": "one", "deployment": "chat", "capacity": 77}
    simulator.control("POST", "/edit", edit)
    stored = json.loads((simulator.folder / "state.json").read_text())
    assert stored["history"]["one/chat"][-1][1] == 77


def test_a_clean_stop_takes_ready_json_away(start: Start):
    simulator = start(worlds.world_of(worlds.deployment()))
    assert simulator.stop() == 0
    assert not (simulator.folder / "ready.json").exists()


def test_the_stored_world_wins_over_another_world_file(start: Start, tmp_path: Path):
    simulator = start(worlds.world_of(worlds.deployment()))
    simulator.stop()
    other = worlds.world_of(worlds.deployment("renamed"))
    (tmp_path / "world.json").write_text(json.dumps(other))
    simulator.start()
    names = [
        each["name"] for each in simulator.control("GET", "/state")["accounts"][0]["deployments"]
    ]
    assert names == ["chat"]


def test_without_a_world_file_it_has_a_small_one_of_its_own(tmp_path: Path):
    simulator = SimulatorProcess(tmp_path, clock="real").start()
    try:
        accounts = simulator.control("GET", "/state")["accounts"]
        assert {each["name"] for each in accounts} == {"contoso-east", "contoso-north"}
    finally:
        simulator.stop()


def test_a_trace_from_the_command_line_is_played_exactly_and_again_after_a_restart(
    start: Start, tmp_path: Path
):
    trace = tmp_path / "trace.csv"
    trace.write_text(TRACE)
    simulator = start(
        worlds.world_of(worlds.deployment()),
        "--trace", str(trace), "--trace-deployment", "one/chat",
        "--trace-start", "2026-03-04T09:30:00Z",
    )  # fmt: skip
    points = prompt_points(simulator)
    totals = {row["timeStamp"]: row["total"] for row in points if "total" in row}
    assert totals == {"2026-03-04T09:30:00Z": 7988, "2026-03-04T09:32:00Z": 100}
    simulator.stop(signal.SIGKILL)
    simulator.start()
    assert prompt_points(simulator) == points


def test_a_trace_named_in_the_world_is_kept_in_the_state_folder(start: Start, tmp_path: Path):
    (tmp_path / "traces").mkdir()
    (tmp_path / "traces" / "mine.csv").write_text(TRACE)
    traffic = {"kind": "trace", "file": "mine.csv", "profile": "steady"}
    raw = worlds.world_of(worlds.deployment(traffic=traffic))
    simulator = start(raw, "--traces", str(tmp_path / "traces"))
    points = prompt_points(simulator)
    simulator.stop()
    (tmp_path / "traces" / "mine.csv").unlink()
    simulator.start()
    assert prompt_points(simulator) == points
    assert sum(row.get("total", 0) for row in points) > 0


def test_two_simulators_do_not_share_a_folder(
    running: SimulatorProcess, capsys: pytest.CaptureFixture[str]
):
    sentence = refusal(capsys, "--state", str(running.folder))
    assert "Another simulator is running in" in sentence


def test_its_sockets_say_they_are_tcp_so_that_answers_are_not_held_back(tmp_path: Path):
    """asyncio sets TCP_NODELAY only then; without it every answer over TLS takes 40 ms."""
    listeners = bind(tmp_path, 0, 0)
    with listeners.https, listeners.token:
        assert {listeners.https.proto, listeners.token.proto} == {socket.IPPROTO_TCP}


def test_a_taken_port_is_refused_with_a_sentence(
    running: SimulatorProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    port = httpx.URL(running.ready["arm_endpoint"]).port
    sentence = refusal(capsys, "--state", str(tmp_path / "second"), "--port", str(port))
    assert f"Port {port} of 127.0.0.1 is taken" in sentence


@pytest.mark.parametrize(
    ("world", "arguments", "sentence"),
    [
        ("{", [], "is not JSON"),
        ("[]", [], "does not hold a JSON object"),
        ("{}", [], "subscriptions: a world needs at least one"),
        (None, ["--clock", "noon"], "--clock: 'noon' is not an ISO 8601 time"),
        (None, ["--trace", "x.csv"], "--trace needs --trace-deployment and --trace-start"),
        (
            None,
            ["--trace", "/no.csv", "--trace-deployment", "a/b", "--trace-start", "2026-01-01"],
            "there is no file",
        ),
    ],
)
def test_a_start_that_cannot_be_is_refused_with_a_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    world: str | None,
    arguments: list[str],
    sentence: str,
):
    (tmp_path / "world.json").write_text(world or json.dumps(worlds.world_of(worlds.deployment())))
    state, file = str(tmp_path / "state"), str(tmp_path / "world.json")
    assert sentence in refusal(capsys, "--state", state, "--world", file, *arguments)


def test_a_damaged_state_folder_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    (tmp_path / "state.json").write_text("{")
    assert "state.json is damaged" in refusal(capsys, "--state", str(tmp_path))


def test_the_program_knows_nothing_of_the_portal():
    code = (
        "import sys, simulator.__main__; "
        "print([m for m in sys.modules if m.split('.')[0] in "
        "{'portal', 'quotas', 'showback', 'django', 'azure'}])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"
