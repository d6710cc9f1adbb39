"""The doctor's write: one PATCH of the present capacity, on the named deployment, or none."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portal.cloud.capacity import AzureCapacity
from portal.cloud.doctor import rights
from portal.cloud.tests.doctor_world import (
    CHAT,
    SCOPE,
    SUBSCRIPTION,
    deny,
    examined,
    requests_seen,
)
from portal.kernel.findings import Finding, Outcome
from quotas.gateway import WriteAnswer
from stack.simulator_process import SimulatorProcess

PATCH_CHAT = "PATCH .*deployments/chat"


def write(resource_id: str = CHAT) -> Finding:
    return examined(write=resource_id)[-1]


def test_the_present_capacity_is_set_again_once_and_read_back(simulator: SimulatorProcess) -> None:
    finding = write()
    assert (finding.check, finding.outcome) == ("azure.write", Outcome.OK)
    assert finding.facts == {"units_before": 100, "units_after": 100}
    [patch] = requests_seen(simulator, "PATCH")
    assert patch["body"] == {"sku": {"name": "GlobalStandard", "capacity": 100}}
    assert AzureCapacity().read(CHAT).capacity_units == 100


def test_a_missing_right_to_write_names_the_writers_role(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"denied_actions": [rights.WRITE.action]})
    finding = write()
    assert finding.outcome is Outcome.FAILED
    assert finding.fix == rights.WRITE.fix(SCOPE)
    assert "deploy/azure/writer-role.json" in finding.fix
    assert len(requests_seen(simulator, "PATCH")) == 1


def test_a_lock_is_not_mistaken_for_a_missing_role(simulator: SimulatorProcess) -> None:
    deny(simulator, PATCH_CHAT, status=409, code="ScopeLocked")
    finding = write()
    assert finding.outcome is Outcome.FAILED
    assert "a lock on the resource forbids changes" in finding.fix


def test_another_change_on_the_account_says_nothing_about_the_right(
    simulator: SimulatorProcess,
) -> None:
    deny(simulator, PATCH_CHAT, status=409, code="RequestConflict")
    finding = write()
    assert finding.outcome is Outcome.WARNING
    assert "another change is running on its account (RequestConflict)" in finding.sentence


def test_a_deployment_that_is_not_there(simulator: SimulatorProcess) -> None:
    finding = write(f"{CHAT}-gone")
    assert finding.outcome is Outcome.FAILED
    assert "404 ResourceNotFound" in finding.sentence
    assert requests_seen(simulator, "PATCH") == []


def test_a_busy_deployment_is_left_alone(simulator: SimulatorProcess) -> None:
    body = {
        "id": CHAT,
        "name": "chat",
        "sku": {"name": "GlobalStandard", "capacity": 100},
        "properties": {"provisioningState": "Updating"},
    }
    fault = {"match": "GET .*deployments/chat", "status": 200, "body": body, "times": 0}
    simulator.control("POST", "/faults", fault)
    assert write().outcome is Outcome.NOT_TRIED
    assert requests_seen(simulator, "PATCH") == []


def test_the_guard_has_the_last_word(simulator: SimulatorProcess) -> None:
    asked: list[str] = []

    @contextmanager
    def never(resource_id: str) -> Iterator[str]:
        asked.append(resource_id)
        yield "the portal is writing there"

    finding = examined(write=CHAT, guard=never)[-1]
    assert asked == [CHAT]
    assert finding.outcome is Outcome.NOT_TRIED
    assert finding.sentence == "Not written: the portal is writing there."
    assert requests_seen(simulator, "PATCH") == []


def test_a_capacity_that_moves_in_the_middle_is_a_failure(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin_write(self: AzureCapacity, *_: object, **__: object) -> WriteAnswer:
        edit = {"account": "contoso-east", "deployment": "chat", "capacity": 90}
        simulator.control("POST", "/edit", edit)
        return WriteAnswer(done=True)

    monkeypatch.setattr(AzureCapacity, "begin_write", begin_write)
    finding = write()
    assert finding.outcome is Outcome.FAILED
    assert finding.facts == {"units_before": 100, "units_after": 90}


def takes_long(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, *, wait_seconds: int, polls: int
) -> list[float]:
    """Writes are taken on and asked about `polls` times; returns the sleeps that were not slept."""
    slept: list[float] = []
    knobs = {"write_form": "async", "operation_polls": polls, "retry_after_seconds": wait_seconds}
    simulator.control("POST", "/knobs", knobs)
    monkeypatch.setattr("portal.cloud.doctor.writing.time.sleep", slept.append)
    return slept


def test_a_long_write_is_followed_to_its_end(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = takes_long(simulator, monkeypatch, wait_seconds=3, polls=2)
    assert write().outcome is Outcome.OK
    assert set(slept) == {3.0}
    assert len(slept) >= 2
    assert len(requests_seen(simulator, "PATCH")) == 1


def test_a_long_write_that_may_not_be_followed_names_that_right(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_long(simulator, monkeypatch, wait_seconds=1, polls=2)
    simulator.control("POST", "/knobs", {"denied_actions": [rights.OPERATIONS.action]})
    finding = write()
    assert finding.outcome is Outcome.FAILED
    assert finding.facts["right"] == rights.OPERATIONS.action
    assert rights.OPERATIONS.action in finding.fix


def test_a_write_that_takes_too_long_is_not_waited_for(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = takes_long(simulator, monkeypatch, wait_seconds=120, polls=2)
    finding = write()
    assert finding.outcome is Outcome.WARNING
    assert "has not ended yet" in finding.sentence
    assert slept == []


def test_a_long_write_that_fails_late_is_a_failure(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes_long(simulator, monkeypatch, wait_seconds=1, polls=1)
    result = {"code": "InternalOperationError", "message": "It broke."}
    simulator.control("POST", "/knobs", {"operation_result": result})
    finding = write()
    assert finding.outcome is Outcome.FAILED
    assert "Azure took it on and gave up (InternalOperationError)" in finding.sentence
    assert "It broke." in finding.fix


def test_a_deployment_of_an_unreachable_azure_is_not_written(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(simulator, f"GET /subscriptions\\?|{SUBSCRIPTION}", status=407)
    finding = write()
    assert finding.outcome is Outcome.NOT_TRIED
    assert "is not reached" in finding.sentence
