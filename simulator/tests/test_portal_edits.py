"""Somebody else works in the Azure portal: /_sim/edit."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.clock import parse_time
from simulator.tests.deploying import allocated, names
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk, total
from simulator.tests.test_control import refused
from simulator.tests.worlds import profile

NEW = {"account": "one", "deployment": "new", "model": "gpt-4o", "version": "2024-11-20",
       "sku": "GlobalStandard", "capacity": 20}  # fmt: skip


def edit(simulator: SimulatorProcess, action: str, **body: Any) -> dict[str, Any]:
    found: dict[str, Any] = simulator.control("POST", "/edit", {"action": action, **body})
    return found


def test_a_deployment_is_created_with_traffic_of_its_own(sdk: Sdk, simulator: SimulatorProcess):
    made = edit(simulator, "create", **NEW, tags={"a": "b"}, traffic=profile())
    assert (made["name"], made["capacity"], made["traffic"]) == ("new", 20, "profile")
    assert sdk.arm.deployments.get(GROUP, "one", "new").tags == {"a": "b"}
    simulator.control("POST", "/knobs", {"metrics_latency_minutes": 0})
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    found = sdk.series(["AzureOpenAIRequests"], end=now(simulator))
    assert total(found["AzureOpenAIRequests", "new"]) > 0


def now(simulator: SimulatorProcess) -> Any:
    return parse_time(simulator.control("GET", "/clock")["at"])


def test_a_deployment_is_deleted(sdk: Sdk, simulator: SimulatorProcess):
    assert edit(simulator, "delete", account="one", deployment="chat") == {"deleted": "chat"}
    assert names(sdk) == ["pilot", "ptu"]


def test_a_rename_is_a_new_deployment_that_its_callers_follow(
    sdk: Sdk, simulator: SimulatorProcess
):
    before = allocated(sdk)
    made = edit(simulator, "rename", account="one", deployment="chat", to="chat-2")
    assert (made["name"], made["capacity"]) == ("chat-2", 50)
    assert names(sdk) == ["pilot", "ptu", "chat-2"]
    assert allocated(sdk) == before
    simulator.control("POST", "/knobs", {"metrics_latency_minutes": 0})
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    found = sdk.series(["AzureOpenAIRequests"], minutes=120, end=now(simulator))
    old, new = (found["AzureOpenAIRequests", name] for name in ("chat", "chat-2"))
    assert total(old) == total(old[:60]) > 0
    assert total(new) == total(new[60:]) > 0


def test_azure_upgrades_a_model_version_by_itself(sdk: Sdk, simulator: SimulatorProcess):
    changed = edit(simulator, "change", account="one", deployment="chat", version="2024-08-06")
    assert (changed["version"], changed["capacity"]) == ("2024-08-06", 50)
    simulator.control("POST", "/knobs", {"metrics_latency_minutes": 0})
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    found = sdk.series(
        ["AzureOpenAIRequests"], "ModelVersion eq '*' and ModelDeploymentName eq 'chat'",
        minutes=120, end=now(simulator),
    )  # fmt: skip
    by_version = {
        version: [total(points[:60]), total(points[60:])]
        for key, points in found.items()
        for version in key
        if version.startswith("2024")
    }
    assert by_version["2024-11-20"][1] == by_version["2024-08-06"][0] == 0
    assert by_version["2024-11-20"][0] > 0 < by_version["2024-08-06"][1]


def test_tags_and_capacity_change_together_and_the_old_form_still_works(
    sdk: Sdk, simulator: SimulatorProcess
):
    chat = {"account": "one", "deployment": "chat"}
    edit(simulator, "change", **chat, capacity="70", tags={"team": "x"})
    found = sdk.arm.deployments.get(GROUP, "one", "chat")
    assert (found.sku.capacity, found.tags) == (70, {"team": "x"})
    simulator.control("POST", "/edit", {**chat, "capacity": 75})
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 75


def test_an_account_goes_and_comes_back(sdk: Sdk, simulator: SimulatorProcess):
    edit(simulator, "delete_account", account="two")
    assert [each.name for each in sdk.arm.deleted_accounts.list()] == ["two"]
    edit(simulator, "restore_account", account="two")
    assert sdk.arm.deployments.get(GROUP, "two", "other").sku.capacity == 100
    edit(simulator, "delete_account", account="two")
    edit(simulator, "purge_account", account="two")
    assert list(sdk.arm.deleted_accounts.list()) == []


def test_an_edit_waits_for_no_one_but_keeps_the_rules(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async", "operation_seconds": 60})
    sdk.arm.deployments.begin_delete(GROUP, "one", "pilot", polling=False)
    chat = {"account": "one", "deployment": "chat", "capacity": 60}
    assert "Another operation is being performed" in refused(simulator, "/edit", chat)
    simulator.control("POST", "/clock", {"advance_seconds": 60})
    edit(simulator, "change", **chat)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"action": "burn"}, "action is one of change, create"),
        ({"action": "delete", "account": "none"}, "There is no account 'none'"),
        ({"action": "delete_account", "account": "none"}, "There is no account 'none'"),
        ({"action": "purge_account", "account": "two"}, "There is no deleted account 'two'"),
        ({**NEW, "action": "create", "deployment": "chat"}, "a deployment that is not there"),
        ({**NEW, "action": "create", "model": "gpt-9"}, "Name: gpt-9"),
        ({**NEW, "action": "create", "traffic": {"kind": "x"}}, "choose profile or trace"),
        ({"action": "rename", "account": "one", "deployment": "chat", "to": "pilot"}, "not taken"),
        ({"account": "one", "deployment": "chat", "version": "1"}, "no version '1' of gpt-4o"),
        ({"account": "one", "deployment": "chat", "capacity": "many"}, "not a whole number"),
    ],
)
def test_a_wrong_edit_gets_a_sentence(simulator: SimulatorProcess, body: Any, sentence: str):
    assert sentence in refused(simulator, "/edit", body)


def test_a_wrong_plan_of_a_failure_gets_a_sentence(simulator: SimulatorProcess):
    assert "A failure is" in refused(simulator, "/fail-next-operation", {"message": "Why?"})
    for knobs, sentence in (
        ({"write_form": "later"}, "write_form is one of at_once, async"),
        ({"write_form": {"GET": "async"}}, "write_form is one of"),
        ({"operation_result": {"message": "x"}}, "operation_result is an object"),
        ({"denied_actions": "all"}, "denied_actions is a list of texts"),
    ):
        assert sentence in refused(simulator, "/knobs", knobs)
