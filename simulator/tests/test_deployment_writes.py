"""ARM's writes of deployments done at once, as Azure mostly answers them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from azure.mgmt.cognitiveservices import models as m

from simulator.clock import parse_time
from simulator.tests import worlds
from simulator.tests.deploying import (
    VERSION,
    allocated,
    names,
    patch,
    put,
    raw,
    refusal,
    wanted,
)
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk, total


def test_a_put_creates_a_deployment_and_it_is_succeeded_in_the_answer(
    sdk: Sdk, simulator: SimulatorProcess
):
    before = allocated(sdk)
    made = put(
        sdk, "new", wanted(30, rai_policy_name="Strict", version_upgrade_option="NoAutoUpgrade")
    )
    assert (made.name, made.sku.capacity, made.properties.current_capacity) == ("new", 30, 30)
    assert made.properties.provisioning_state == "Succeeded"
    assert (made.properties.rai_policy_name, made.properties.version_upgrade_option) == (
        "Strict",
        "NoAutoUpgrade",
    )
    assert {each.key: each.count for each in made.properties.rate_limits}["token"] == 30_000
    assert names(sdk) == ["chat", "pilot", "ptu", "new"]
    assert allocated(sdk) == before + 30
    assert sdk.arm.deployments.get(GROUP, "one", "NEW").system_data.created_at.isoformat() == (
        NOW.replace("Z", "+00:00")
    )


def test_the_wire_of_a_put_and_a_delete_is_as_recorded(simulator: SimulatorProcess):
    body = {
        "sku": {"name": "GlobalStandard", "capacity": 1},
        "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": VERSION}},
    }
    made = raw(simulator, "PUT", "new", body)
    assert made.status_code == 201
    assert made.headers["etag"] == made.json()["etag"]
    assert not {"azure-asyncoperation", "location", "retry-after"} & set(made.headers)
    assert "x-ms-ratelimit-remaining-subscription-global-writes" in made.headers
    assert raw(simulator, "PUT", "new", body).status_code == 200
    gone = raw(simulator, "DELETE", "new")
    assert (gone.status_code, gone.content, gone.headers["content-length"]) == (200, b"", "0")
    assert "x-ms-ratelimit-remaining-subscription-deletes" in gone.headers
    assert raw(simulator, "DELETE", "new").status_code == 204
    assert raw(simulator, "GET", "new").status_code == 404


def test_a_put_says_everything_and_a_patch_only_what_changes(sdk: Sdk):
    body = wanted(30, rai_policy_name="Strict")
    body.tags = {"team": "search"}
    put(sdk, "new", body)
    patched = patch(
        sdk, "new", m.PatchResourceTagsAndSku(sku=m.Sku(name="GlobalStandard", capacity=40))
    )
    assert (patched.sku.capacity, patched.tags) == (40, {"team": "search"})
    assert patched.properties.rai_policy_name == "Strict"
    tagged = patch(sdk, "new", m.PatchResourceTagsAndSku(tags={"team": "chat"}))
    assert (tagged.sku.capacity, tagged.tags) == (40, {"team": "chat"})
    replaced = put(sdk, "new", wanted(40))
    assert (replaced.tags, replaced.properties.rai_policy_name) == (None, "Microsoft.DefaultV2")


def test_properties_the_sdk_does_not_know_are_kept_and_lost_by_read_modify_put(sdk: Sdk):
    body = wanted().serialize()
    body["properties"] |= {"serviceTier": "Priority", "dynamicThrottlingEnabled": True}
    made = put(sdk, "new", json.dumps(body).encode())
    assert made.properties.additional_properties["serviceTier"] == "Priority"
    assert made.properties.dynamic_throttling_enabled is True
    read = sdk.arm.deployments.get(GROUP, "one", "new")
    again = put(sdk, "new", read)
    assert "serviceTier" not in again.properties.additional_properties
    assert again.properties.dynamic_throttling_enabled is None


def test_a_patch_with_a_whole_deployment_sends_its_properties_too(sdk: Sdk):
    body = wanted(60, rai_policy_name="Strict")
    changed = patch(sdk, "chat", body)
    assert (changed.sku.capacity, changed.properties.rai_policy_name) == (60, "Strict")
    as_dict = {"sku": {"name": "GlobalStandard"}, "properties": {"raiPolicyName": "Lost"}}
    assert patch(sdk, "chat", as_dict).properties.rai_policy_name == "Strict"


def test_a_deployment_whose_spill_over_is_gone_can_still_be_changed(sdk: Sdk):
    sdk.arm.deployments.begin_delete(GROUP, "one", "chat").result(20)
    assert sdk.set_capacity("ptu", 20).sku.capacity == 20
    body = wanted(20, sku="GlobalProvisionedManaged", spillover_deployment_name="never")
    assert refusal(lambda: put(sdk, "ptu", body))[1] == "InvalidResourceProperties"


def test_dynamic_quota_is_switched_by_a_patch_in_bytes(sdk: Sdk):
    body = json.dumps({"properties": {"dynamicThrottlingEnabled": True}}).encode()
    assert patch(sdk, "chat", body).properties.dynamic_throttling_enabled is True
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 50


def test_what_the_service_says_itself_is_passed_over_when_sent_back(sdk: Sdk):
    read = sdk.arm.deployments.get(GROUP, "one", "chat")
    read.sku.capacity = 60
    written = put(sdk, "chat", read)  # it carries the old currentCapacity
    assert (written.sku.capacity, written.properties.current_capacity) == (60, 60)


def test_a_version_is_upgraded_while_the_capacity_stays(sdk: Sdk):
    upgraded = put(sdk, "chat", wanted(50, version="2024-08-06"))
    assert upgraded.properties.model.version == "2024-08-06"
    assert upgraded.sku.capacity == 50


def test_without_a_version_the_newest_is_deployed(sdk: Sdk):
    body = wanted()
    body.properties.model.version = None
    assert put(sdk, "new", body).properties.model.version == VERSION


def test_numbers_sent_as_text_are_numbers(sdk: Sdk):
    body = {"sku": {"name": "GlobalStandard", "capacity": "70"}}
    assert patch(sdk, "chat", json.dumps(body).encode()).sku.capacity == 70
    body = {"sku": {"name": "GlobalStandard", "capacity": 60.0}}
    assert patch(sdk, "chat", json.dumps(body).encode()).sku.capacity == 60


def test_a_deleted_deployment_keeps_its_past_in_the_metrics(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"metrics_latency_minutes": 0})
    before = sdk.series(["AzureOpenAIRequests"])
    assert sdk.arm.deployments.begin_delete(GROUP, "one", "chat").result(20) is None
    assert names(sdk) == ["pilot", "ptu"]
    after = sdk.series(["AzureOpenAIRequests"])
    assert total(before["AzureOpenAIRequests", "chat"]) > 0
    assert total(after["AzureOpenAIRequests", "chat"]) == total(
        before["AzureOpenAIRequests", "chat"]
    )
    simulator.control("POST", "/clock", {"advance_seconds": 7200})
    later = sdk.series(["AzureOpenAIRequests"], minutes=180, end=sdk_now(simulator))
    assert total(later["AzureOpenAIRequests", "chat"]) == total(
        before["AzureOpenAIRequests", "chat"]
    )


def sdk_now(simulator: SimulatorProcess) -> Any:
    return parse_time(simulator.control("GET", "/clock")["at"])


def test_the_skus_of_a_deployment_say_what_it_may_have(sdk: Sdk):
    [row] = list(sdk.arm.deployments.list_skus(GROUP, "one", "ptu"))
    assert row.resource_type == "Microsoft.CognitiveServices/accounts/deployments"
    assert (row.sku.name, row.sku.capacity) == ("GlobalProvisionedManaged", 15)
    assert (row.capacity.minimum, row.capacity.step, row.capacity.maximum) == (15, 5, 100_000)


def test_every_change_makes_another_etag_and_a_stale_one_is_refused(sdk: Sdk):
    first = sdk.arm.deployments.get(GROUP, "one", "chat").etag
    second = patch(sdk, "chat", m.PatchResourceTagsAndSku(tags={"a": "b"}), If_Match=first).etag
    third = patch(sdk, "chat", m.PatchResourceTagsAndSku(tags={}), If_Match=second).etag
    assert len({first, second, third}) == 3
    body = m.PatchResourceTagsAndSku(tags={"c": "d"})
    assert refusal(lambda: patch(sdk, "chat", body, If_Match=first))[:2] == (
        412,
        "PreconditionFailed",
    )
    assert refusal(lambda: put(sdk, "chat", wanted(50), If_Match=first))[0] == 412
    poller = sdk.arm.deployments.begin_delete
    assert refusal(lambda: poller(GROUP, "one", "chat", headers={"If-Match": first}))[0] == 412
    assert patch(sdk, "chat", body, If_Match="*").tags == {"c": "d"}


def test_if_none_match_creates_and_never_overwrites(sdk: Sdk):
    assert put(sdk, "new", wanted(), If_None_Match="*").name == "new"
    again = refusal(lambda: put(sdk, "new", wanted(5), If_None_Match="*"))
    assert again[:2] == (412, "PreconditionFailed")
    assert sdk.arm.deployments.get(GROUP, "one", "new").sku.capacity == 30
    assert refusal(lambda: put(sdk, "never", wanted(), If_Match="*"))[0] == 412


def test_a_created_deployment_survives_a_kill(start: Callable[..., SimulatorProcess]):
    simulator = start(worlds.world_of(worlds.deployment()))
    body = {
        "sku": {"name": "GlobalStandard", "capacity": 9},
        "tags": {"team": "search"},
        "properties": {
            "model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-08-06"},
            "serviceTier": "Priority",
        },
    }
    first = raw(simulator, "PUT", "new", body).json()
    raw(simulator, "DELETE", "chat")
    simulator.stop(9)
    simulator.start()
    assert raw(simulator, "GET", "new").json() == first
    assert raw(simulator, "GET", "chat").status_code == 404
    simulator.control("POST", "/reset")
    assert raw(simulator, "GET", "new").status_code == 404
    assert raw(simulator, "GET", "chat").status_code == 200
