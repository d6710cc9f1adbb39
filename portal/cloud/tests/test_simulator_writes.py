"""AzureCapacity writes to the simulated Azure, and reads while it stumbles."""

import time
from datetime import timedelta
from typing import Any

import pytest

from portal.cloud import clients
from portal.cloud.capacity import AzureCapacity
from portal.cloud.sentences import QUOTA_FORM
from portal.cloud.tests.simulated import (
    CHAT,
    PATCH_CHAT,
    arm_requests,
    capacity_in,
    refused_write,
    write,
)
from portal.kernel.errors import CloudError, CloudReason
from quotas.gateway import WriteAnswer
from stack.simulator_process import SimulatorProcess


def test_a_write_sets_the_capacity_by_one_patch(simulator: SimulatorProcess) -> None:
    assert write(130) == WriteAnswer(done=True)
    after = AzureCapacity().read(CHAT)
    assert (after.capacity_units, after.tokens_per_minute) == (130, 130_000)
    [patch] = arm_requests(simulator, "PATCH")
    assert patch["body"] == {"sku": {"name": "GlobalStandard", "capacity": 130}}
    assert [row["method"] for row in arm_requests(simulator)] == ["PATCH", "GET"]


def test_a_right_that_azure_denies_is_named(simulator: SimulatorProcess) -> None:
    action = "Microsoft.CognitiveServices/accounts/deployments/write"
    simulator.control("POST", "/knobs", {"denied_actions": [action]})
    refusal = refused_write()
    assert refusal.reason is CloudReason.FORBIDDEN
    assert f"the right {action} on account contoso-east" in refusal.sentence
    assert "the role Headroom capacity writer" in refusal.sentence


def test_a_pool_without_room(simulator: SimulatorProcess) -> None:
    refusal = refused_write(1_000)
    assert refusal.reason is CloudReason.INSUFFICIENT_QUOTA
    assert refusal.azure_code == "InsufficientQuota"
    assert refusal.azure_message.startswith("This operation require 900 new capacity in quota")
    assert "set deployment chat of account contoso-east to 1000 units" in refusal.sentence
    assert QUOTA_FORM in refusal.sentence
    assert refusal.maybe_applied is False
    assert AzureCapacity().read(CHAT).capacity_units == 100


@pytest.mark.parametrize(
    ("status", "code", "reason", "in_doubt"),
    [
        (429, "TooManyRequests", CloudReason.THROTTLED, False),
        (409, "RequestConflict", CloudReason.CONFLICT, False),
        (400, "InsufficientQuota", CloudReason.INSUFFICIENT_QUOTA, False),
        (403, "AuthorizationFailed", CloudReason.FORBIDDEN, False),
        (404, "ResourceNotFound", CloudReason.NOT_FOUND, False),
        (503, "ServiceUnavailable", CloudReason.UNKNOWN, True),
    ],
)
def test_a_refused_write_is_sent_once_and_told_at_once(
    simulator: SimulatorProcess, status: int, code: str, reason: CloudReason, in_doubt: bool
) -> None:
    simulator.control(
        "POST",
        "/faults",
        {
            "match": PATCH_CHAT,
            "status": status,
            "headers": {"Retry-After": "300"},
            "body": {"error": {"code": code, "message": "No."}},
            "times": 0,
        },
    )
    started = time.monotonic()
    refusal = refused_write()
    assert time.monotonic() - started < 5
    assert (refusal.reason, refusal.azure_code, refusal.status) == (reason, code, status)
    assert refusal.retry_after == timedelta(seconds=300)
    assert refusal.maybe_applied is in_doubt
    assert len(arm_requests(simulator, "PATCH")) == 1


@pytest.mark.parametrize(("drop", "capacity_after"), [("before", 100), ("after", 101)])
def test_an_aborted_write_is_in_doubt_and_not_repeated(
    simulator: SimulatorProcess, drop: str, capacity_after: int
) -> None:
    simulator.control("POST", "/faults", {"match": PATCH_CHAT, "drop": drop, "times": 0})
    failure = refused_write()
    assert failure.reason is CloudReason.TIMEOUT
    assert failure.maybe_applied is True
    assert len(arm_requests(simulator, "PATCH")) == 1
    assert AzureCapacity().read(CHAT).capacity_units == capacity_after


def test_a_write_without_an_answer_in_time_is_in_doubt(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "READ_TIMEOUT_SECONDS", 0.3)
    simulator.control("POST", "/faults", {"match": PATCH_CHAT, "delay_seconds": 1})
    failure = refused_write()
    assert (failure.reason, failure.maybe_applied) == (CloudReason.TIMEOUT, True)
    assert len(arm_requests(simulator, "PATCH")) == 1
    # … and rightly so: it is carried out after we stopped listening.
    deadline = time.monotonic() + 10
    while capacity_in(simulator) != 101 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert capacity_in(simulator) == 101


def test_an_azure_that_is_not_there_leaves_no_doubt(
    simulator: SimulatorProcess, settings: Any
) -> None:
    settings.AZURE_ARM_ENDPOINT = "https://127.0.0.1:9"
    failure = refused_write()
    assert (failure.reason, failure.maybe_applied) == (CloudReason.TIMEOUT, False)


def test_a_throttled_read_with_a_long_wait_is_told_at_once(simulator: SimulatorProcess) -> None:
    fault = {
        "match": "GET /subscriptions",
        "status": 429,
        "headers": {"Retry-After": "300"},
        "times": 0,
    }
    simulator.control("POST", "/faults", fault)
    with pytest.raises(CloudError) as caught:
        AzureCapacity().read(CHAT)
    assert caught.value.reason is CloudReason.THROTTLED
    assert caught.value.retry_after == timedelta(seconds=300)
    assert len(arm_requests(simulator, "GET")) == 1


def test_a_read_survives_a_gateway_that_stumbles(simulator: SimulatorProcess) -> None:
    fault = {
        "match": "GET /subscriptions",
        "status": 502,
        "body": "<html>Bad gateway</html>",
        "times": 1,
    }
    simulator.control("POST", "/faults", fault)
    simulator.control(
        "POST", "/faults", {"match": "GET /subscriptions", "drop": "after", "times": 1}
    )
    assert AzureCapacity().read(CHAT).capacity_units == 100
    assert len(arm_requests(simulator, "GET")) == 3
