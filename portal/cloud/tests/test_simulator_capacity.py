"""AzureCapacity reads the simulated Azure, over real HTTPS and the real SDKs."""

import pytest

from portal.cloud.capacity import AzureCapacity
from portal.cloud.tests.simulated import ACCOUNT, CHAT, SUBSCRIPTION, arm_requests
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.units import UnitRate
from quotas.domain.residency import Place
from stack.simulator_process import SimulatorProcess


def test_the_inventory_holds_the_whole_world(simulator: SimulatorProcess) -> None:
    world = simulator.control("GET", "/state")
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    assert seen.problems == ()
    assert seen.unreadable_accounts == ()
    assert {(a.name, a.region, a.kind) for a in seen.accounts} == {
        ("contoso-east", "eastus2", "OpenAI"),
        ("contoso-north", "swedencentral", "AIServices"),
    }
    assert {(d.account_resource_id, d.name, d.capacity_units) for d in seen.deployments} == {
        (account["id"], deployment["name"], deployment["capacity"])
        for account in world["accounts"]
        for deployment in account["deployments"]
    }
    limits = {(q.region, q.usage_name): (q.limit_units, q.used_units) for q in seen.quotas}
    for limit in world["limits"]:
        key = (limit["region"], limit["usage_name"])
        assert limits[key] == (limit["limit"], limit["allocated"])


def test_the_quotas_of_one_region_are_read_alone_as_they_are_now(
    simulator: SimulatorProcess,
) -> None:
    before = len(arm_requests(simulator))
    rows = AzureCapacity().quotas(SUBSCRIPTION, "eastus2")
    whole = AzureCapacity().inventory(SUBSCRIPTION).quotas
    assert set(rows) == {row for row in whole if row.region == "eastus2"} != set()
    assert "/locations/eastus2/usages" in arm_requests(simulator)[before]["path"]


def test_how_much_of_a_model_there_is_comes_from_quota_and_from_the_region(
    simulator: SimulatorProcess,
) -> None:
    model = {"model_format": "OpenAI", "model_name": "gpt-4o", "model_version": "2024-11-20"}
    here = Place("GlobalProvisionedManaged", "eastus2")

    def units() -> int:
        rows = {row.place: row.units for row in AzureCapacity().available(SUBSCRIPTION, **model)}
        assert {place.region for place in rows} == {"eastus2", "swedencentral"}
        return rows[here]

    assert units() == 35  # 60 of quota, 25 of them deployed
    knob = {"region": here.region, "sku": here.sku_name, "units": 45}
    simulator.control("POST", "/service-capacity", knob)
    assert units() == 20  # 25 of what the region has are deployed


def test_every_deployment_finds_its_pool_through_the_models(simulator: SimulatorProcess) -> None:
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    usage_name_of = {
        (sku.region, sku.model_name, sku.model_version, sku.sku_name, sku.is_fine_tuned): (
            sku.usage_name
        )
        for sku in seen.model_skus
    }
    region_of = {account.resource_id: account.region for account in seen.accounts}
    pools = {(quota.region, quota.usage_name.lower()) for quota in seen.quotas}
    assert len(usage_name_of) == len(seen.model_skus)
    for found in seen.deployments:
        region = region_of[found.account_resource_id]
        key = (region, found.model_name, found.model_version, found.sku_name, False)
        assert (region, usage_name_of[key].lower()) in pools


def test_a_deployment_as_it_is_now(simulator: SimulatorProcess) -> None:
    found = AzureCapacity().read(CHAT)
    assert (found.resource_id, found.account_resource_id) == (CHAT, ACCOUNT)
    assert (found.model_format, found.model_name, found.model_version) == (
        "OpenAI",
        "gpt-4o",
        "2024-11-20",
    )
    assert (found.sku_name, found.capacity_units) == ("GlobalStandard", 100)
    assert found.provisioning_state == "Succeeded"
    assert (found.tokens_per_minute, found.requests_per_minute) == (100_000, 600)
    assert found.etag
    assert AzureCapacity().read(f"{ACCOUNT}/deployments/ptu").spillover_deployment_name == "chat"


def test_the_rate_of_a_unit_is_azures_own(simulator: SimulatorProcess) -> None:
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    [sku] = [
        sku
        for sku in seen.model_skus
        if (sku.region, sku.model_name, sku.model_version, sku.sku_name)
        == ("eastus2", "gpt-4o", "2024-11-20", "GlobalStandard")
    ]
    assert sku.rate == UnitRate(tokens_per_minute=1000, requests_per_minute=6)


def test_lists_of_several_pages_are_read_to_the_end(simulator: SimulatorProcess) -> None:
    whole = AzureCapacity().inventory(SUBSCRIPTION)
    simulator.control("POST", "/knobs", {"page_size": 1})
    assert AzureCapacity().inventory(SUBSCRIPTION).deployments == whole.deployments


def test_one_unreadable_account_is_a_sentence_not_the_end(simulator: SimulatorProcess) -> None:
    fault = {"match": "GET .*contoso-east/deployments", "status": 403, "times": 0}
    simulator.control("POST", "/faults", fault)
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    assert seen.unreadable_accounts == (ACCOUNT,)
    assert {found.name for found in seen.deployments} == {"search", "code"}
    assert len(seen.accounts) == 2
    [problem] = seen.problems
    assert "list the deployments of account contoso-east" in problem


def test_one_unreadable_region_is_a_sentence_not_the_end(simulator: SimulatorProcess) -> None:
    for what in ("usages", "models"):
        fault = {"match": f"GET .*locations/eastus2/{what}", "status": 403, "times": 0}
        simulator.control("POST", "/faults", fault)
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    assert {quota.region for quota in seen.quotas} == {"swedencentral"}
    assert {sku.region for sku in seen.model_skus} == {"swedencentral"}
    assert len(seen.problems) == 2
    assert seen.unreadable_accounts == ()


def test_an_unreadable_subscription_is_an_error(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        AzureCapacity().inventory("99999999-9999-4999-8999-999999999999")
    assert caught.value.reason is CloudReason.NOT_FOUND
    assert caught.value.azure_code == "SubscriptionNotFound"


def test_a_deployment_that_is_gone(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        AzureCapacity().read(f"{ACCOUNT}/deployments/gone")
    assert caught.value.reason is CloudReason.NOT_FOUND


def test_something_that_is_no_resource_id_asks_azure_nothing(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        AzureCapacity().read("/subscriptions/x/resourceGroups/y")
    assert caught.value.reason is CloudReason.BAD_REQUEST
    assert arm_requests(simulator) == []
