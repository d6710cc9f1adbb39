"""Writes in all forms of ARM, failing late as well, and what a lack of quota is told as."""

from datetime import timedelta
from typing import Any

import pytest

from portal.cloud.capacity import AzureCapacity
from portal.cloud.tests.simulated import (
    CHAT,
    arm_requests,
    refused_write,
    write,
)
from portal.kernel.errors import CloudError, CloudReason
from stack.simulator_process import SimulatorProcess

FORMS = ("async", "location", "both", "body")


def knobs(simulator: SimulatorProcess, **values: Any) -> None:
    simulator.control("POST", "/knobs", values)


def polled(operation: str, most: int = 6) -> list[bool]:
    """`done` of each poll until it is."""
    seen: list[bool] = []
    while not seen or not (seen[-1] or len(seen) == most):
        answer = AzureCapacity().poll(CHAT, operation, request_id="change-7")
        operation = answer.operation or operation
        seen.append(answer.done)
    return seen


@pytest.mark.parametrize("form", FORMS)
def test_a_long_write_is_followed_one_request_a_step(
    simulator: SimulatorProcess, form: str
) -> None:
    knobs(simulator, write_form=form, operation_polls=2, retry_after_seconds=7)
    begun = write(130)
    assert begun.done is False
    assert begun.retry_after == timedelta(seconds=7)
    before = len(arm_requests(simulator, "GET"))
    steps = polled(begun.operation)
    assert steps == [False, False, True]
    assert len(arm_requests(simulator, "GET")) - before == len(steps)
    assert len(arm_requests(simulator, "PATCH")) == 1
    after = AzureCapacity().read(CHAT)
    assert (after.capacity_units, after.provisioning_state) == (130, "Succeeded")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("CapacityNotAvailable", CloudReason.CAPACITY_NOT_AVAILABLE),
        ("SomethingNew", None),
    ],
)
def test_a_write_that_fails_late_has_failed_for_certain(
    simulator: SimulatorProcess, form: str, code: str, reason: CloudReason | None
) -> None:
    result = {"code": code, "message": "No more."}
    knobs(simulator, write_form=form, operation_polls=1, operation_result=result)
    begun = write(130)
    with pytest.raises(CloudError) as caught:
        polled(begun.operation)
    assert caught.value.maybe_applied is False
    if form != "body":  # there the resource says Failed and nothing more
        assert caught.value.azure_code == code
        assert reason is None or caught.value.reason is reason
        assert "No more." in caught.value.azure_message
    assert AzureCapacity().read(CHAT).capacity_units == 100


def test_a_second_write_to_the_account_meets_the_first(simulator: SimulatorProcess) -> None:
    knobs(simulator, write_form="async", operation_polls=5)
    assert write(110).done is False
    second = refused_write(120)
    assert (second.reason, second.maybe_applied) == (CloudReason.CONFLICT, False)
    assert second.azure_code == "RequestConflict"


def test_a_running_write_outlives_our_process(simulator: SimulatorProcess) -> None:
    from portal.cloud.tests.conftest import forget

    knobs(simulator, write_form="async", operation_polls=1)
    begun = write(130)
    forget()
    assert polled(begun.operation)[-1] is True


# ── Want of quota: Azure's numbers, read again ───────────────────────────────────────────────


@pytest.mark.parametrize("code", ["InsufficientQuota", "715-123420"])
def test_a_lack_of_quota_is_told_with_the_numbers(simulator: SimulatorProcess, code: str) -> None:
    knobs(simulator, quota_refusal=code)
    refusal = refused_write(1_000)
    assert (refusal.reason, refusal.azure_code) == (CloudReason.INSUFFICIENT_QUOTA, code)
    assert "its own numbers leave 190 of 300 units in OpenAI.GlobalStandard.gpt-4o" in (
        refusal.sentence
    )
    assert "and 900 more were needed" in refusal.sentence
    assert len(arm_requests(simulator, "PATCH")) == 1


def test_an_opaque_refusal_that_the_numbers_refute_is_not_called_a_lack_of_quota(
    simulator: SimulatorProcess,
) -> None:
    knobs(simulator, write_refusal="715-123420")
    refusal = refused_write(110)
    assert refusal.reason is CloudReason.UNKNOWN
    assert (refusal.azure_code, refusal.maybe_applied) == ("715-123420", False)
    assert "leave 190 of 300 units" in refusal.sentence
    assert "enough for the 10 more" in refusal.sentence
    assert refusal.retry_after == timedelta(minutes=5)


def test_a_region_without_capacity_refuses_although_quota_is_there(
    simulator: SimulatorProcess,
) -> None:
    simulator.control(
        "POST",
        "/service-capacity",
        {"region": "eastus2", "sku": "GlobalStandard", "units": 0},
    )
    assert "or the region has no capacity" in refused_write(110).sentence


def test_numbers_that_cannot_be_read_leave_the_refusal_as_it_was(
    simulator: SimulatorProcess,
) -> None:
    knobs(simulator, quota_refusal="InsufficientQuota")
    simulator.control("POST", "/faults", {"match": "GET .*usages", "status": 403, "times": 0})
    refusal = refused_write(1_000)
    assert refusal.reason is CloudReason.INSUFFICIENT_QUOTA
    assert "the quota is too small" in refusal.sentence
    assert "numbers" not in refusal.sentence


def test_a_failure_for_quota_that_comes_late_has_the_numbers_too(
    simulator: SimulatorProcess,
) -> None:
    result = {"code": "InsufficientQuota", "message": "No."}
    knobs(simulator, write_form="async", operation_polls=1, operation_result=result)
    begun = write(130)
    with pytest.raises(CloudError) as caught:
        polled(begun.operation)
    assert caught.value.maybe_applied is False
    assert "its own numbers leave 190 of 300 units" in caught.value.sentence
    assert "more were needed" not in caught.value.sentence
