"""Answers of which Azure's own SDK makes something that its caller does not expect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.identity import CredentialUnavailableError, ManagedIdentityCredential

from simulator.tests.deploying import wanted
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk

SCOPE = "https://management.azure.com/.default"
CHAT = "deployments/chat"
pytestmark = pytest.mark.usefixtures("waits")


def plan(simulator: SimulatorProcess, **fault: Any) -> None:
    simulator.control("POST", "/faults", fault)


def begin_put(sdk: Sdk, capacity: int = 60) -> Any:
    return sdk.arm.deployments.begin_create_or_update(GROUP, "one", "chat", wanted(capacity))


def begin_patch(sdk: Sdk, capacity: int = 60) -> Any:
    body = {"sku": {"name": "GlobalStandard", "capacity": capacity}}
    return sdk.arm.deployments.begin_update(GROUP, "one", "chat", body)


def begin_delete(sdk: Sdk) -> Any:
    return sdk.arm.deployments.begin_delete(GROUP, "one", "chat")


def lines(simulator: SimulatorProcess) -> list[str]:
    """``METHOD last-part-of-the-path`` of each logged ARM request."""
    rows = simulator.control("GET", "/log?plane=arm")
    return [f"{row['method']} {place(row['path'])}" for row in rows]


def place(path: str) -> str:
    path = path.split("?")[0]
    if path.endswith("/response"):
        return "location"
    return "operation" if "operationResults" in path else path.rpartition("/")[2]


def test_a_put_that_is_accepted_with_202_is_an_error_although_it_was_taken_on(
    sdk: Sdk, simulator: SimulatorProcess
):
    plan(simulator, match=f"PUT .*{CHAT}", status=202, body={})
    with pytest.raises(HttpResponseError, match="invalid status 'Accepted'") as caught:
        begin_put(sdk)
    assert caught.value.status_code == 202


@pytest.mark.parametrize(
    ("begin", "expected"),
    [
        (begin_put, ["PUT chat", "GET operation", "GET chat"]),
        (begin_patch, ["PATCH chat", "GET operation", "GET chat"]),
        (begin_delete, ["DELETE chat", "GET operation"]),
    ],
)
def test_after_an_operation_the_resource_is_read_once_but_not_a_deleted_one(
    sdk: Sdk, simulator: SimulatorProcess, begin: Any, expected: list[str]
):
    simulator.control("POST", "/knobs", {"write_form": "async"})
    begin(sdk).result(timeout=20)
    assert lines(simulator) == expected


def test_after_a_patch_with_both_addresses_the_last_read_is_of_the_location(
    sdk: Sdk, simulator: SimulatorProcess
):
    simulator.control("POST", "/knobs", {"write_form": "both"})
    assert begin_patch(sdk, 70).result(timeout=20).sku.capacity == 70
    assert lines(simulator) == ["PATCH chat", "GET operation", "GET location"]


def test_a_write_under_way_is_in_progress_and_waiting_too_short_raises_nothing(
    sdk: Sdk, simulator: SimulatorProcess
):
    plan(simulator, match="operationResults", delay_seconds=0.3)
    simulator.control("POST", "/knobs", {"write_form": "async"})
    poller = begin_patch(sdk, 70)
    assert poller.status() == "InProgress"
    poller.result(timeout=0.01)
    assert not poller.done()
    assert poller.result(timeout=20).sku.capacity == 70


def test_an_operation_that_azure_forgot_is_a_plain_404(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async"})
    error = {"error": {"code": "OperationNotFound", "message": "Gone."}}
    plan(simulator, match="operationResults", status=404, body=error)
    with pytest.raises(HttpResponseError) as caught:
        begin_patch(sdk).result(timeout=20)
    assert (type(caught.value), caught.value.status_code) == (HttpResponseError, 404)


def test_values_that_no_sdk_knows_pass_through_as_text(sdk: Sdk, simulator: SimulatorProcess):
    new = {
        "properties.provisioningState": "Rebalancing",
        "properties.versionUpgradeOption": "OnFullMoon",
        "sku.name": "LunarStandard",
    }
    plan(simulator, match=f"GET .*{CHAT}", change={"set": new})
    found = sdk.arm.deployments.get(GROUP, "one", "chat")
    assert found.properties.provisioning_state == "Rebalancing"
    assert (found.properties.version_upgrade_option, found.sku.name) == (
        "OnFullMoon", "LunarStandard",
    )  # fmt: skip


def test_a_proxys_page_is_no_azure_error_to_the_metrics_client(
    sdk: Sdk, simulator: SimulatorProcess
):
    plan(simulator, match="getBatch", status=502, body="<html>Bad gateway</html>")
    with pytest.raises(json.JSONDecodeError):
        sdk.series(["AzureOpenAIRequests"])


@pytest.mark.parametrize(("lifetime_seconds", "calls"), [(200, 3), (305, 1)])
def test_a_token_with_less_than_five_minutes_left_is_asked_for_each_time(
    sdk: Sdk, simulator: SimulatorProcess, lifetime_seconds: int, calls: int
):
    simulator.control("POST", "/knobs", {"token_seconds": lifetime_seconds})
    credential = ManagedIdentityCredential()
    for _ in range(3):
        credential.get_token(SCOPE)
    assert len(simulator.control("GET", "/log?plane=identity")) == calls


def test_a_token_endpoint_that_stumbles_is_asked_again(sdk: Sdk, simulator: SimulatorProcess):
    plan(simulator, match="/msi/token", status=500, times=2)
    assert ManagedIdentityCredential().get_token(SCOPE).token
    rows = simulator.control("GET", "/log?plane=identity")
    assert [row["status"] for row in rows] == [500, 500, 200]


def test_a_wrong_header_sounds_as_if_there_were_no_identity_at_all(
    sdk: Sdk, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(CredentialUnavailableError, match="configuration not found"):
        ManagedIdentityCredential().get_token(SCOPE)
