"""Every verb in every form in which Azure answers a write, through the real poller."""

from __future__ import annotations

import pytest
from azure.mgmt.core.polling.arm_polling import ARMPolling

from simulator.clock import parse_time
from simulator.tests import worlds
from simulator.tests.deploying import allocated, begin_patch, begin_put, names, poll, raw
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk

FORMS = ("at_once", "async", "location", "both", "body")
LATE = ("async", "location", "both", "body")
pytestmark = pytest.mark.usefixtures("waits")


class SendOnly(ARMPolling):  # type: ignore[misc]
    """Sends the write and polls never, as a task that will be resumed elsewhere."""

    def run(self) -> None:
        """Nothing."""


def statuses(simulator: SimulatorProcess, method: str) -> list[int]:
    """The statuses of the logged answers to a verb."""
    return [row["status"] for row in simulator.control("GET", "/log") if row["method"] == method]


@pytest.mark.parametrize("form", FORMS)
def test_put_patch_and_delete_come_to_their_end_in_each_form(
    sdk: Sdk, simulator: SimulatorProcess, waits: list[float], form: str
):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_polls": 2})
    made = begin_put(sdk, "new").result(timeout=20)
    assert (made.name, made.sku.capacity, made.properties.provisioning_state) == (
        "new", 30, "Succeeded",
    )  # fmt: skip
    changed = begin_patch(sdk, "new", 40).result(timeout=20)
    assert (changed.sku.capacity, changed.properties.current_capacity) == (40, 40)
    assert sdk.arm.deployments.begin_delete(GROUP, "one", "new").result(timeout=20) is None
    assert statuses(simulator, "PUT") == [201]
    if form == "at_once":
        assert waits == []
    elif form != "body":
        assert "new" not in names(sdk)
        assert waits == [1.0] * 6  # Retry-After of each of two polls of three writes
    assert not any(each == 30 for each in waits)


@pytest.mark.parametrize("form", ["async", "location", "both"])
def test_a_patch_or_delete_is_accepted_with_202_and_a_put_never(
    simulator: SimulatorProcess, form: str
):
    simulator.control("POST", "/knobs", {"write_form": form})
    change = {"sku": {"name": "GlobalStandard", "capacity": 55}}
    body = {**change, "properties": {"model": {"name": "gpt-4o", "version": "2024-11-20"}}}
    for method, sent, status in (("PUT", body, 200), ("PATCH", change, 202), ("DELETE", None, 202)):
        answer = raw(simulator, method, "chat", sent)
        assert answer.status_code == status
        assert answer.headers["retry-after"] == "1"
        assert ("azure-asyncoperation" in answer.headers) == (form != "location")
        assert ("location" in answer.headers) == (form != "async")
        raw(simulator, "GET", "chat")  # ends it


def test_the_address_to_poll_is_absolute_and_as_recorded(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async", "operation_seconds": 30})
    answer = raw(simulator, "PATCH", "chat", {"tags": {"a": "b"}})
    url = answer.headers["azure-asyncoperation"]
    host = simulator.ready["arm_endpoint"]
    prefix = f"{host}/subscriptions/{worlds.SUBSCRIPTION}/providers/Microsoft.CognitiveServices"
    assert url.startswith(f"{prefix}/locations/EASTUS2/operationResults/")
    assert url.endswith("?api-version=2017-04-18")
    running = poll(simulator, url)
    assert (running.status_code, running.headers["retry-after"]) == (200, "1")
    operation = url.removeprefix(f"{prefix}/locations/EASTUS2/operationResults/").split("?")[0]
    path = url.removeprefix(host).split("?")[0]
    assert running.json() == {
        "id": path, "name": operation, "status": "InProgress", "startTime": NOW,
    }  # fmt: skip
    simulator.control("POST", "/clock", {"advance_seconds": 100})
    ended = poll(simulator, url)
    assert ended.json() == {
        "id": path, "name": operation, "status": "Succeeded", "startTime": NOW,
        "endTime": "2026-03-04T10:30:30Z",
    }  # fmt: skip
    assert "retry-after" not in ended.headers


def test_the_host_is_the_one_the_client_spoke_to(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "both", "operation_seconds": 30})
    answer = raw(simulator, "DELETE", "chat", Host="management.azure.com")
    for name in ("azure-asyncoperation", "location"):
        assert answer.headers[name].startswith("https://management.azure.com/subscriptions/")


def test_the_location_answers_202_until_it_has_the_resource(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "location", "operation_seconds": 30})
    url = raw(simulator, "PATCH", "chat", {"tags": {"a": "b"}}).headers["location"]
    running = poll(simulator, url)
    assert (running.status_code, running.headers["retry-after"]) == (202, "1")
    assert running.headers["location"] == url
    simulator.control("POST", "/clock", {"advance_seconds": 30})
    assert (poll(simulator, url).status_code, poll(simulator, url).json()["tags"]) == (
        200,
        {"a": "b"},
    )


def test_an_unknown_operation_is_not_found(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async"})
    url = raw(simulator, "PATCH", "chat", {"tags": {}}).headers["azure-asyncoperation"]
    assert poll(simulator, url).status_code == 200
    assert poll(simulator, url.replace("EASTUS2", "westus")).status_code == 404
    name = url.split("/")[-1].split("?")[0]
    unknown = poll(simulator, url.replace(name, "0" * 8))
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "OperationNotFound")


@pytest.mark.parametrize("form", LATE)
def test_the_old_capacity_stays_in_force_until_the_end(
    sdk: Sdk, simulator: SimulatorProcess, form: str
):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_seconds": 60})
    before = allocated(sdk)
    begin_patch(sdk, "chat", 80, polling=False)
    running = sdk.arm.deployments.get(GROUP, "one", "chat")
    assert (running.sku.capacity, running.properties.current_capacity) == (80, 50)
    assert running.properties.provisioning_state == "Accepted"
    assert {each.key: each.count for each in running.properties.rate_limits}["token"] == 50_000
    assert allocated(sdk) == before + 30  # quota is held from the acceptance on
    simulator.control("POST", "/clock", {"advance_seconds": 600})
    ended = sdk.arm.deployments.get(GROUP, "one", "chat")
    assert (ended.sku.capacity, ended.properties.current_capacity) == (80, 80)
    assert ended.properties.provisioning_state == "Succeeded"
    assert ended.etag != running.etag
    chat = simulator.control("GET", "/state")["accounts"][0]["deployments"][0]
    assert chat["capacity_history"][-1] == {"at": "2026-03-04T10:31:00Z", "capacity": 80}


def test_a_shrink_gives_its_quota_back_only_at_the_end(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async", "operation_seconds": 60})
    before = allocated(sdk)
    begin_patch(sdk, "chat", 20, polling=False)
    assert allocated(sdk) == before
    simulator.control("POST", "/clock", {"advance_seconds": 60})
    assert allocated(sdk) == before - 30


@pytest.mark.parametrize("form", LATE)
def test_a_deployment_is_creating_then_there_and_deleting_then_gone(
    sdk: Sdk, simulator: SimulatorProcess, form: str
):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_seconds": 60})
    answered = begin_put(sdk, "new", polling=False).result()
    assert (answered.properties.provisioning_state, answered.sku.capacity) == ("Accepted", 30)
    creating = sdk.arm.deployments.get(GROUP, "one", "new").properties
    assert (creating.provisioning_state, creating.current_capacity) == ("Creating", 0)
    simulator.control("POST", "/clock", {"advance_seconds": 60})
    assert sdk.arm.deployments.get(GROUP, "one", "new").properties.current_capacity == 30
    sdk.arm.deployments.begin_delete(GROUP, "one", "new", polling=False)
    deleting = sdk.arm.deployments.get(GROUP, "one", "new").properties
    assert (deleting.provisioning_state, deleting.current_capacity) == ("Deleting", 30)
    simulator.control("POST", "/clock", {"advance_seconds": 60})
    assert "new" not in names(sdk)


def test_each_verb_may_have_its_own_form(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": {"PATCH": "async"}})
    begin_put(sdk, "new").result(timeout=20)
    begin_patch(sdk, "new", 31).result(timeout=20)
    sdk.arm.deployments.begin_delete(GROUP, "one", "new").result(timeout=20)
    assert [statuses(simulator, each) for each in ("PUT", "PATCH", "DELETE")] == [
        [201],
        [202],
        [200],
    ]


@pytest.mark.parametrize("form", ["async", "location", "both"])
def test_a_continuation_token_polls_on_without_sending_the_write_again(
    sdk: Sdk, simulator: SimulatorProcess, form: str
):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_polls": 1})
    token = begin_put(sdk, "new", polling=SendOnly(1)).continuation_token()
    done = sdk.arm.deployments.begin_create_or_update(
        GROUP, "one", "new", None, continuation_token=token
    ).result(timeout=20)
    assert (done.sku.capacity, done.properties.provisioning_state) == (30, "Succeeded")
    assert statuses(simulator, "PUT") == [201]


def test_a_client_that_only_looks_at_the_state_sees_accepted(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "body", "operation_seconds": 60})
    poller = begin_patch(sdk, "chat", 80, polling=False)
    assert (poller.status(), poller.result().properties.provisioning_state) == (
        "succeeded", "Accepted",
    )  # fmt: skip


def test_retry_after_is_a_knob_and_may_be_missing(
    sdk: Sdk, simulator: SimulatorProcess, waits: list[float]
):
    knobs = {"write_form": "async", "operation_polls": 1, "retry_after_seconds": 7}
    simulator.control("POST", "/knobs", knobs)
    begin_patch(sdk, "chat", 51).result(timeout=20)
    simulator.control("POST", "/knobs", {"retry_after_seconds": 0})
    begin_patch(sdk, "chat", 52).result(timeout=20)
    assert waits == [7.0, 30]  # without the header, the poller's own 30 seconds


def test_the_same_calls_at_the_same_times_get_the_same_operations(simulator: SimulatorProcess):
    knobs = {"write_form": "async", "operation_seconds": 60}
    found = []
    for _ in range(2):
        simulator.control("POST", "/reset")
        simulator.control("POST", "/clock", {"at": NOW, "frozen": True})
        simulator.control("POST", "/knobs", knobs)
        url = raw(simulator, "DELETE", "chat").headers["azure-asyncoperation"]
        simulator.control("POST", "/clock", {"advance_seconds": 60})
        found.append((poll(simulator, url).content, raw(simulator, "DELETE", "pilot").headers))
    names = [headers["azure-asyncoperation"] for _content, headers in found]
    assert found[0][0] == found[1][0]
    assert names[0] == names[1]


def test_operations_are_listed_and_reset_forgets_them(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async", "operation_seconds": 60})
    raw(simulator, "DELETE", "chat")
    [row] = simulator.control("GET", "/operations")["value"]
    assert (row["verb"], row["deployment"], row["status"]) == ("DELETE", "chat", "InProgress")
    assert row["ends_at"] == parse_time(NOW).timestamp() + 60
    simulator.control("POST", "/reset")
    assert simulator.control("GET", "/operations") == {"value": []}
    assert raw(simulator, "GET", "chat").json()["properties"]["provisioningState"] == "Succeeded"
