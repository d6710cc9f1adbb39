"""The simulator as a child process: it starts, answers, keeps its state when killed, and ends."""

from pathlib import Path

import pytest

from stack import simulator_process
from stack.simulator_process import SimulatorFailed


def test_it_starts_answers_and_stops(tmp_path: Path) -> None:
    with simulator_process.start(tmp_path / "azure") as simulator:
        assert simulator.control("GET", "/state")["accounts"]
        assert simulator.environment["AZURE_ARM_ENDPOINT"].startswith("https://127.0.0.1:")
        assert Path(simulator.environment["REQUESTS_CA_BUNDLE"]).is_file()
    assert simulator.process.poll() is not None
    simulator.stop()


def test_a_killed_one_comes_back_with_what_was_written(tmp_path: Path) -> None:
    first = simulator_process.start(tmp_path)
    first.control("POST", "/edit", {"account": "contoso-east", "deployment": "idle", "capacity": 7})
    first.kill()
    with simulator_process.start(tmp_path) as second:
        found = [
            deployment["capacity"]
            for account in second.control("GET", "/state")["accounts"]
            for deployment in account["deployments"]
            if deployment["name"] == "idle"
        ]
        assert found == [7]


def test_a_world_that_cannot_be_read_is_told_with_its_words(tmp_path: Path) -> None:
    world = tmp_path / "world.json"
    world.write_text("{")
    with pytest.raises(SimulatorFailed, match="is not JSON"):
        simulator_process.start(tmp_path / "azure", world=world)


def test_a_refused_control_request_says_why(tmp_path: Path) -> None:
    with (
        simulator_process.start(tmp_path) as simulator,
        pytest.raises(SimulatorFailed, match="A fault has no nonsense"),
    ):
        simulator.control("POST", "/faults", {"nonsense": 1})
