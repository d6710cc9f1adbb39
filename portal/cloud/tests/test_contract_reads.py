"""Each list that the portal reads, in all shapes that Azure has for it, through the real SDK."""

from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from portal.cloud.capacity import AzureCapacity
from portal.cloud.tests.simulated import SUBSCRIPTION, arm_requests
from portal.kernel.errors import CloudError
from quotas.gateway import Inventory, QuotaSeen
from stack.simulator_process import SimulatorProcess

GPT_4O = "OpenAI.GlobalStandard.gpt-4o"
LISTS = ("accounts", "deployments", "usages", "models")


def inventory() -> Inventory:
    found = AzureCapacity().inventory(SUBSCRIPTION)
    assert found.problems == ()
    return found


def rows_of(found: Inventory, usage_name: str) -> list[QuotaSeen]:
    return [row for row in found.quotas if row.usage_name == usage_name]


# ── Pages ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("size", [1, 2, 5])
def test_every_list_is_read_to_its_last_page(simulator: SimulatorProcess, size: int) -> None:
    whole = inventory()
    requests_before = len(arm_requests(simulator))
    simulator.control("POST", "/knobs", {"page_size": size})
    assert inventory() == whole
    pages = [row["path"] for row in arm_requests(simulator)[requests_before:]]
    if size == 1:
        for listed in LISTS:
            ends = [path for path in pages if path.split("?")[0].endswith(f"/{listed}")]
            assert len(ends) >= 2


@pytest.mark.parametrize("listed", LISTS)
def test_a_page_that_fails_fails_its_list_not_half_of_it(
    simulator: SimulatorProcess, listed: str
) -> None:
    simulator.control("POST", "/knobs", {"page_size": 1})
    fault = {"match": f"/{listed}\\?.*skip", "status": 403, "times": 0}
    simulator.control("POST", "/faults", fault)
    if listed == "accounts":
        with pytest.raises(CloudError, match="list the accounts"):
            AzureCapacity().inventory(SUBSCRIPTION)
        return
    found = AzureCapacity().inventory(SUBSCRIPTION)
    assert {"deployments": found.deployments, "usages": found.quotas, "models": found.model_skus}[
        listed
    ] == ()
    assert len(found.problems) == 2  # of two accounts, of two regions


# ── Shapes ───────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("change", [{"numbers_as_text": True}, {"unknown_fields": True}])
def test_numbers_as_text_and_fields_of_tomorrow_change_nothing(
    simulator: SimulatorProcess, change: dict[str, Any]
) -> None:
    whole = inventory()
    simulator.control("POST", "/faults", {"match": "GET /sub", "change": change, "times": 0})
    assert inventory() == whole


def test_rows_of_every_kind_and_publisher_come_as_they_are_named(
    simulator: SimulatorProcess,
) -> None:
    plain = {row.usage_name for row in inventory().quotas}
    simulator.control("POST", "/knobs", {"more_usage_rows": True})
    found = {row.usage_name for row in inventory().quotas}
    assert plain < found
    assert any(name.startswith("AIServices.") for name in found)


def test_tags_of_accounts_and_deployments_come_as_azure_has_them(
    simulator: SimulatorProcess,
) -> None:
    before = inventory().deployments[0]
    account = before.account_resource_id.rpartition("/")[2]
    for named in ({"deployment": before.name}, {}):
        edit = {"account": account, **named, "tags": {"Application": account + before.name}}
        simulator.control("POST", "/edit", edit)
    found = inventory()
    tagged = [row for row in (*found.accounts, *found.deployments) if row.tags]
    assert {row.resource_id for row in tagged} == {before.resource_id, before.account_resource_id}
    assert all(row.tags == {"Application": account + before.name} for row in tagged)


def test_a_model_of_another_publisher_keeps_its_format_and_its_pool(
    simulator: SimulatorProcess,
) -> None:
    path = "value.*.model.format"
    fault = {"match": "swedencentral/models", "change": {"set": {path: "Mistral AI"}}, "times": 0}
    simulator.control("POST", "/faults", fault)
    seen = inventory().model_skus
    formats = {sku.region: sku.model_format for sku in seen if sku.model_name == "gpt-4o"}
    assert formats == {"eastus2": "OpenAI", "swedencentral": "Mistral AI"}
    [grok] = [sku for sku in seen if (sku.region, sku.model_name) == ("eastus2", "grok-4.3")]
    assert (grok.model_format, grok.usage_name) == ("xAI", "AIServices.GlobalStandard.grok-4.3")
    assert (grok.minimum_units, grok.maximum_units, grok.step_units) == (None, None, None)


def test_a_quota_row_without_a_limit_is_left_out_rather_than_nought(
    simulator: SimulatorProcess,
) -> None:
    change = {"remove": ["value.0.limit"]}
    simulator.control("POST", "/faults", {"match": "eastus2/usages", "change": change})
    found = inventory()
    assert all(row.limit_units for row in found.quotas)


# ── Quota regimes ────────────────────────────────────────────────────────────────────────────


def test_a_pool_of_the_whole_subscription_counts_once(simulator: SimulatorProcess) -> None:
    [regional] = rows_of(inventory(), GPT_4O)
    assert (regional.scope_type, regional.regions) == ("", ("eastus2",))
    simulator.control("POST", "/quota-scope", {"usage_name": GPT_4O, "scope": "Global"})
    [shared] = rows_of(inventory(), GPT_4O)
    assert shared.scope_type == "Global"
    assert shared.regions == ("eastus2", "swedencentral")
    assert shared.used_units == regional.used_units
    assert shared.limit_units >= regional.limit_units


def test_a_pool_of_a_data_zone_is_that_zones_alone(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/quota-scope", {"usage_name": GPT_4O, "scope": "DataZone"})
    rows = rows_of(inventory(), GPT_4O)
    assert {(row.scope_type, row.scope_id): row.regions for row in rows}[("DataZone", "US")] == (
        "eastus2",
    )
    assert len({row.scope_id for row in rows}) == len(rows)


@pytest.mark.parametrize("said", ["Regional", "Classic"])
def test_a_regime_that_is_said_but_not_shared_stays_one_pool_a_region(
    simulator: SimulatorProcess, said: str
) -> None:
    before = {(row.region, row.usage_name): row.limit_units for row in inventory().quotas}
    simulator.control("POST", "/knobs", {"usage_scope_type": said})
    found = inventory().quotas
    [row] = [row for row in found if row.usage_name == GPT_4O]
    assert (row.scope_type, row.regions) == (said, ("eastus2",))
    assert {(row.region, row.usage_name): row.limit_units for row in found} == before


def test_a_tier_that_rises_by_itself_raises_the_limits_that_are_read(
    simulator: SimulatorProcess,
) -> None:
    [before] = rows_of(inventory(), GPT_4O)
    simulator.control(
        "POST", "/tier-upgrades", {"subscription": SUBSCRIPTION, "limits": {GPT_4O: 900}}
    )
    [after] = rows_of(inventory(), GPT_4O)
    assert (before.limit_units, after.limit_units) == (300, 900)
    assert after.used_units == before.used_units


def test_a_throttled_arm_is_waited_for(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azure's own token bucket: what is asked too fast is asked again and nothing is lost."""
    slept: list[float] = []
    whole = inventory()
    simulator.control("POST", "/reset")
    bucket = {"arm_reads_bucket": 3, "arm_reads_per_second": 20}
    simulator.control("POST", "/knobs", bucket)
    real_sleep = RequestsTransport.sleep

    def sleep(self: RequestsTransport, seconds: float) -> None:
        slept.append(seconds)
        real_sleep(self, min(seconds, 0.2))

    monkeypatch.setattr(RequestsTransport, "sleep", sleep)
    assert inventory() == whole
    assert slept
