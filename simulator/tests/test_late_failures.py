"""Operations that fail late, collide, or outlive a kill of their simulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError

from simulator.tests import worlds
from simulator.tests.deploying import allocated, begin_patch, begin_put, poll, raw
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk, account_id

LATE = ("async", "location", "both", "body")
pytestmark = pytest.mark.usefixtures("waits")


@pytest.mark.parametrize("form", LATE)
def test_writes_to_siblings_collide_while_an_operation_runs(
    sdk: Sdk, simulator: SimulatorProcess, form: str
):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_seconds": 60})
    begin_patch(sdk, "chat", 80, polling=False)
    attempts: list[Callable[[], Any]] = [
        lambda: begin_put(sdk, "new"),
        lambda: begin_patch(sdk, "pilot", 11),
        lambda: sdk.arm.deployments.begin_delete(GROUP, "one", "pilot"),
        lambda: sdk.arm.accounts.begin_delete(GROUP, "one"),
    ]
    for attempt in attempts:
        with pytest.raises(ResourceExistsError) as caught:
            attempt()
        assert caught.value.status_code == 409
        assert caught.value.error.code == "RequestConflict"
        assert caught.value.error.message == (
            "Another operation is being performed on the parent resource "
            f"'{account_id('one')}'. Please try again later."
        )
    simulator.control("POST", "/clock", {"advance_seconds": 60})
    simulator.control("POST", "/knobs", {"write_form": "at_once"})
    assert begin_patch(sdk, "pilot", 11).result(timeout=20).sku.capacity == 11


def test_another_account_is_not_held_up(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async", "operation_seconds": 60})
    begin_patch(sdk, "chat", 80, polling=False)
    simulator.control("POST", "/knobs", {"write_form": "at_once"})
    assert sdk.set_capacity("other", 101, account="two").sku.capacity == 101


@pytest.mark.parametrize("form", ["async", "both"])
@pytest.mark.parametrize("code", ["InsufficientQuota", "715-123420"])
def test_an_operation_that_fails_late_is_an_error_with_status_200(
    sdk: Sdk, simulator: SimulatorProcess, form: str, code: str
):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_polls": 1})
    simulator.control("POST", "/fail-next-operation", {"code": code})
    before = allocated(sdk)
    with pytest.raises(HttpResponseError) as caught:
        begin_patch(sdk, "chat", 80).result(timeout=20)
    assert (caught.value.status_code, caught.value.error.code) == (200, code)
    left = sdk.arm.deployments.get(GROUP, "one", "chat")
    assert (left.sku.capacity, left.properties.current_capacity) == (50, 50)
    assert left.properties.provisioning_state == "Failed"
    assert allocated(sdk) == before
    healed = begin_patch(sdk, "chat", 60).result(timeout=20)
    assert (healed.sku.capacity, healed.properties.provisioning_state) == (60, "Succeeded")


def test_a_creation_that_fails_late_leaves_a_failed_deployment_without_capacity(
    sdk: Sdk, simulator: SimulatorProcess
):
    result = {"code": "InsufficientQuota", "message": "Somebody was faster."}
    simulator.control("POST", "/knobs", {"write_form": "body", "operation_result": result})
    before = allocated(sdk)
    with pytest.raises(HttpResponseError) as caught:
        begin_put(sdk, "new").result(timeout=20)
    assert caught.value.status_code == 200
    failed = sdk.arm.deployments.get(GROUP, "one", "new")
    assert (failed.properties.provisioning_state, failed.properties.current_capacity) == (
        "Failed", 0,
    )  # fmt: skip
    assert allocated(sdk) == before
    simulator.control("POST", "/knobs", {"operation_result": {}, "write_form": "at_once"})
    assert begin_put(sdk, "new").result(timeout=20).properties.current_capacity == 30


def test_the_location_of_a_failed_operation_answers_its_error(
    sdk: Sdk, simulator: SimulatorProcess
):
    failure = {
        "code": "InsufficientQuota", "message": "Late.", "target": "sku",
        "details": [{"code": "Inner", "message": "why"}],
        "additionalInfo": [{"type": "Policy", "info": {"a": 1}}],
    }  # fmt: skip
    simulator.control("POST", "/knobs", {"write_form": "location"})
    simulator.control("POST", "/fail-next-operation", failure)
    with pytest.raises(HttpResponseError) as caught:
        begin_patch(sdk, "chat", 80).result(timeout=20)
    assert caught.value.status_code == 400
    assert (caught.value.error.code, caught.value.error.target) == ("InsufficientQuota", "sku")
    assert caught.value.error.details[0].code == "Inner"
    error = caught.value.response.json()["error"]
    assert error["additionalInfo"] == failure["additionalInfo"]


def test_a_planned_failure_refuses_a_write_that_is_done_at_once(
    sdk: Sdk, simulator: SimulatorProcess
):
    simulator.control("POST", "/fail-next-operation", {"code": "715-123420"})
    with pytest.raises(HttpResponseError) as caught:
        begin_patch(sdk, "chat", 80).result(timeout=20)
    assert (caught.value.status_code, caught.value.error.code) == (400, "715-123420")
    assert begin_patch(sdk, "chat", 80).result(timeout=20).sku.capacity == 80


def test_a_deletion_that_fails_leaves_the_deployment_serving(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async"})
    simulator.control("POST", "/fail-next-operation", {"code": "InternalServerError"})
    with pytest.raises(HttpResponseError) as caught:
        sdk.arm.deployments.begin_delete(GROUP, "one", "chat").result(timeout=20)
    assert caught.value.error.code == "InternalServerError"
    left = sdk.arm.deployments.get(GROUP, "one", "chat").properties
    assert (left.current_capacity, left.provisioning_state) == (50, "Failed")


def test_an_operation_goes_on_over_a_kill(start: Callable[..., SimulatorProcess]):
    simulator = start(worlds.world_of(worlds.deployment()))
    simulator.control("POST", "/clock", {"at": NOW, "frozen": True})
    simulator.control("POST", "/knobs", {"write_form": "async", "operation_seconds": 60})
    change = {"sku": {"name": "GlobalStandard", "capacity": 77}}
    url = raw(simulator, "PATCH", "chat", change).headers["azure-asyncoperation"]
    simulator.control("POST", "/fail-next-operation", {"code": "Later"})
    simulator.stop(9)
    simulator.start()
    assert poll(simulator, url).json()["status"] == "InProgress"
    assert raw(simulator, "PATCH", "chat", change).status_code == 409
    simulator.control("POST", "/clock", {"advance_seconds": 60})
    assert poll(simulator, url).json()["status"] == "Succeeded"
    assert raw(simulator, "GET", "chat").json()["sku"]["capacity"] == 77
    url = raw(simulator, "PATCH", "chat", change).headers["azure-asyncoperation"]
    simulator.control("POST", "/clock", {"advance_seconds": 60})
    failed = poll(simulator, url)
    assert (failed.status_code, failed.json()["status"]) == (200, "Failed")
    assert failed.json()["error"]["code"] == "Later"
