"""The ARM plane through the real azure-mgmt-cognitiveservices."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ResourceNotFoundError,
    ServiceResponseError,
)
from azure.mgmt.cognitiveservices import models as m

from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.shapes import assert_has_fields
from simulator.tests.worlds import REGION, SUBSCRIPTION

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "azure"


def usages(sdk: Sdk) -> dict[str, tuple[float, float]]:
    return {row.name.value: (row.current_value, row.limit) for row in sdk.arm.usages.list(REGION)}


def test_accounts_of_a_subscription_name_their_group_kind_and_region(sdk: Sdk):
    accounts = {each.name: each for each in sdk.arm.accounts.list()}
    assert set(accounts) == {"one", "two"}
    assert accounts["one"].id.split("/")[4] == GROUP
    assert (accounts["one"].kind, accounts["one"].location) == ("OpenAI", REGION)
    assert [each.name for each in sdk.arm.accounts.list_by_resource_group(GROUP)] == ["one", "two"]


def test_a_deployment_says_what_is_in_force(sdk: Sdk):
    chat = sdk.arm.deployments.get(GROUP, "one", "chat")
    assert (chat.sku.name, chat.sku.capacity) == ("GlobalStandard", 50)
    assert chat.properties.provisioning_state == "Succeeded"
    assert chat.properties.current_capacity == 50
    assert (chat.properties.model.name, chat.properties.model.version) == ("gpt-4o", "2024-11-20")
    limits = {each.key: (each.count, each.renewal_period) for each in chat.properties.rate_limits}
    assert limits == {"request": (50, 10), "token": (50_000, 60)}


def test_a_provisioned_deployment_names_its_spill_over(sdk: Sdk):
    deployments = {each.name: each for each in sdk.arm.deployments.list(GROUP, "one")}
    ptu = deployments["ptu"].properties
    assert ptu.spillover_deployment_name == "chat"
    assert not ptu.rate_limits
    assert deployments["ptu"].system_data.created_at.isoformat() == "2026-03-01T00:00:00+00:00"


def test_deployments_can_come_in_pages(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"page_size": 2})
    names = [each.name for each in sdk.arm.deployments.list(GROUP, "one")]
    assert names == ["chat", "pilot", "ptu"]
    lists = [row for row in simulator.control("GET", "/log") if "/deployments" in row["path"]]
    assert len(lists) == 2


def test_paths_ignore_case_and_any_api_version_will_do(simulator: SimulatorProcess):
    path = (
        f"/SUBSCRIPTIONS/{SUBSCRIPTION}/resourcegroups/RG-ONE/providers/"
        "microsoft.cognitiveservices/ACCOUNTS/One/deployments/CHAT"
    )
    headers = {"Authorization": f"Bearer {simulator.token('https://management.azure.com')}"}
    with simulator.http() as http:
        answer = http.get(path, params={"api-version": "2099-01-01"}, headers=headers)
        without = http.get(path, headers=headers)
    assert answer.json()["name"] == "chat"
    assert without.status_code == 400
    assert without.json()["error"]["code"] == "MissingApiVersionParameter"


@pytest.mark.parametrize(
    ("group", "account", "deployment", "code"),
    [
        ("rg-none", "one", "chat", "ResourceGroupNotFound"),
        (GROUP, "none", "chat", "ResourceNotFound"),
        (GROUP, "one", "none", "ResourceNotFound"),
    ],
)
def test_what_is_not_there_is_404(sdk: Sdk, group: str, account: str, deployment: str, code: str):
    with pytest.raises(ResourceNotFoundError) as caught:
        sdk.arm.deployments.get(group, account, deployment)
    assert caught.value.error.code == code


def test_an_unknown_subscription_is_404(simulator: SimulatorProcess):
    headers = {"Authorization": f"Bearer {simulator.token('https://management.azure.com')}"}
    path = "/subscriptions/none/providers/Microsoft.CognitiveServices/accounts?api-version=1"
    with simulator.http() as http:
        answer = http.get(path, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "SubscriptionNotFound")


def test_usage_rows_count_what_deployments_hold_and_are_not_all_pools(sdk: Sdk):
    rows = usages(sdk)
    assert rows["OpenAI.GlobalStandard.gpt-4o"] == (50 + 10 + 100, 2000)
    assert rows["OpenAI.GlobalProvisionedManaged"] == (15, 100)
    assert rows["OpenAI.S0.AccountCount"] == (2, 30)


def test_usages_of_an_unknown_location_are_refused(sdk: Sdk):
    with pytest.raises(HttpResponseError) as caught:
        list(sdk.arm.usages.list("atlantis"))
    assert caught.value.error.code == "NoRegisteredProviderFound"


def test_models_join_to_usages_by_usage_name_only(sdk: Sdk):
    skus = {
        (row.model.name, row.model.version, sku.name): sku
        for row in sdk.arm.models.list(REGION)
        if row.kind == "OpenAI"
        for sku in row.model.skus
    }
    mini = skus["gpt-4.1-mini", "2025-04-14", "GlobalStandard"]
    assert mini.usage_name == "OpenAI.GlobalStandard.gpt4.1-mini"
    assert skus["gpt-5", "2025-08-07", "GlobalProvisionedManaged"].usage_name == (
        "OpenAI.GlobalProvisionedManaged"
    )
    ptu = skus["gpt-4o", "2024-11-20", "GlobalProvisionedManaged"].capacity
    assert (ptu.minimum, ptu.step) == (15, 5)
    limits = {
        each.additional_properties["key"]: (each.count, each.renewal_period)
        for each in skus["gpt-realtime-mini", "2025-12-15", "GlobalStandard"].rate_limits
    }
    assert limits == {"request": (3, 60), "token": (10_000, 60)}


def test_a_patch_is_done_at_once_and_reads_back(sdk: Sdk, simulator: SimulatorProcess):
    answered = sdk.set_capacity("chat", 80)
    assert (answered.sku.capacity, answered.properties.provisioning_state) == (80, "Succeeded")
    assert {each.key: each.count for each in answered.properties.rate_limits}["token"] == 80_000
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 80
    assert usages(sdk)["OpenAI.GlobalStandard.gpt-4o"][0] == 80 + 10 + 100
    patch = [row for row in simulator.control("GET", "/log") if row["method"] == "PATCH"]
    assert [row["body"]["sku"]["capacity"] for row in patch] == [80]
    assert patch[0]["status"] == 200


def test_a_patch_changes_the_etag(sdk: Sdk):
    before = sdk.arm.deployments.get(GROUP, "one", "chat").etag
    assert sdk.set_capacity("chat", 80).etag != before


def test_insufficient_quota_has_azures_own_words(sdk: Sdk, simulator: SimulatorProcess):
    pool = {"subscription": SUBSCRIPTION, "region": REGION}
    body = {**pool, "usage_name": "OpenAI.GlobalStandard.gpt-4o", "limit": 170}
    simulator.control("POST", "/limits", body)
    with pytest.raises(HttpResponseError) as caught:
        sdk.set_capacity("chat", 80)
    label = "Tokens Per Minute (thousands) - gpt-4o - GlobalStandard"
    assert (caught.value.status_code, caught.value.error.code) == (400, "InsufficientQuota")
    assert caught.value.error.message == (
        f"This operation require 30 new capacity in quota {label}, which is bigger than the "
        "current available capacity 10. The current quota usage is 160 and the quota limit is 170 "
        f"for quota {label}."
    )
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 50
    assert sdk.set_capacity("chat", 60).sku.capacity == 60


def test_a_shrink_fits_even_when_azure_lowered_the_limit_below_the_usage(
    sdk: Sdk, simulator: SimulatorProcess
):
    pool = {"subscription": SUBSCRIPTION, "region": REGION}
    body = {**pool, "usage_name": "OpenAI.GlobalStandard.gpt-4o", "limit": 20}
    simulator.control("POST", "/limits", body)
    assert sdk.set_capacity("chat", 40).sku.capacity == 40


@pytest.mark.parametrize(("name", "capacity"), [("chat", 0), ("chat", -5), ("ptu", 17)])
def test_capacities_the_sku_does_not_allow_are_refused(sdk: Sdk, name: str, capacity: int):
    with pytest.raises(HttpResponseError) as caught:
        sdk.set_capacity(name, capacity)
    assert caught.value.error.code == "InvalidResourceProperties"


@pytest.mark.parametrize(
    "body",
    [
        {"sku": {"capacity": 20}},
        {"sku": {"name": "Standard", "capacity": 20}},
        {"sku": {"name": "GlobalStandard", "capacity": "many"}},
        {"properties": {"scaleSettings": {"capacity": 20}}},
        {"properties": {"model": {"name": "gpt-4.1", "version": "2025-04-14"}}},
    ],
)
def test_bodies_azure_does_not_take_are_refused(sdk: Sdk, body: dict[str, Any]):
    with pytest.raises(HttpResponseError) as caught:
        sdk.arm.deployments.begin_update(GROUP, "one", "chat", json.dumps(body).encode())
    assert caught.value.status_code == 400
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 50


def wait_until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_writes_to_siblings_of_one_account_collide(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_seconds": 2})
    slow = threading.Thread(target=sdk.set_capacity, args=("chat", 80))
    slow.start()
    wait_until(lambda: any(row["method"] == "PATCH" for row in simulator.control("GET", "/log")))
    with pytest.raises(ResourceExistsError) as caught:
        sdk.set_capacity("pilot", 20)
    assert caught.value.error.code == "RequestConflict"
    assert "Another operation is being performed on the parent resource" in str(caught.value)
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 50
    slow.join(timeout=10)
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 80
    simulator.control("POST", "/knobs", {"write_seconds": 0})
    assert sdk.set_capacity("pilot", 20).sku.capacity == 20


def test_a_slow_write_is_carried_out_although_its_writer_died(
    sdk: Sdk, simulator: SimulatorProcess
):
    simulator.control("POST", "/knobs", {"write_seconds": 1.0})
    patch = m.PatchResourceTagsAndSku(sku=m.Sku(name="GlobalStandard", capacity=80))
    with pytest.raises(ServiceResponseError):
        sdk.arm.deployments.begin_update(GROUP, "one", "chat", patch, read_timeout=0.3)
    wait_until(lambda: sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 80)


@pytest.mark.parametrize(
    ("example", "get"),
    [
        ("GetDeployment", lambda sdk: sdk.arm.deployments.get(GROUP, "one", "chat")),
        ("ListUsages", lambda sdk: next(iter(sdk.arm.usages.list(REGION)))),
    ],
)
def test_answers_have_the_fields_of_the_official_examples(
    sdk: Sdk, example: str, get: Callable[[Sdk], Any]
):
    found = list(REFERENCE.rglob(f"{example}.json"))
    if not found:
        pytest.skip("the official examples are not at hand")
    body = json.loads(found[0].read_text())["responses"]["200"]["body"]
    official = body["value"][0] if "value" in body else body
    assert_has_fields(get(sdk).serialize(keep_readonly=True), official)


def test_a_deployment_has_the_fields_of_recorded_traffic(sdk: Sdk):
    path = REFERENCE / "recorded-traffic" / "deployment-lifecycle.json"
    if not path.is_file():
        pytest.skip("the recorded traffic is not at hand")
    lists = [
        each["response"]["body"]["value"][0]
        for each in json.loads(path.read_text())["interactions"]
        if isinstance(each["response"]["body"], dict) and "value" in each["response"]["body"]
    ]
    recorded = lists[0]
    recorded["properties"]["capabilities"] = {}
    ours = sdk.arm.deployments.get(GROUP, "one", "chat").serialize(keep_readonly=True)
    assert_has_fields(ours, recorded)
