"""Usage rows of locations and accounts through the real SDK."""

from __future__ import annotations

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.worlds import REGION, SUBSCRIPTION

POOL = "OpenAI.GlobalStandard.gpt-4o"
LIMIT = {"subscription": SUBSCRIPTION, "region": REGION, "usage_name": POOL, "limit": 123}


def names(sdk: Sdk, expression: str | None = None) -> list[str]:
    return [row.name.value for row in sdk.arm.usages.list(REGION, filter=expression)]


def limit_of(sdk: Sdk) -> float:
    (row,) = sdk.arm.usages.list(REGION, filter=f"name.value eq '{POOL}'")
    return row.limit


def test_a_filter_names_the_rows_wanted_without_case(sdk: Sdk):
    assert names(sdk, f"name.value eq '{POOL.upper()}'") == [POOL]
    both = f"name.value eq '{POOL}' or name.value eq 'AccountCount'"
    assert names(sdk, both) == [POOL, "AccountCount"]
    assert names(sdk, "name.value eq 'nothing'") == []


@pytest.mark.parametrize("expression", ["limit gt 5", f"name.value eq '{POOL}' and limit gt 5"])
def test_a_filter_that_azure_does_not_support_is_refused(sdk: Sdk, expression: str):
    with pytest.raises(HttpResponseError) as caught:
        names(sdk, expression)
    assert caught.value.status_code == 400


def test_limits_and_values_are_floats_on_the_wire(simulator: SimulatorProcess):
    headers = {"Authorization": f"Bearer {simulator.token('https://management.azure.com')}"}
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/locations/{REGION}"
    with simulator.http() as http:
        text = http.get(f"{path}/usages?api-version=2025-09-01", headers=headers).text
    assert '"currentValue":160.0,"limit":2000.0,"unit":"Count"' in text


def test_a_location_may_list_every_kind_of_row(sdk: Sdk, simulator: SimulatorProcess):
    assert "OpenAI.FineTuned.Deployments" not in names(sdk)
    simulator.control("POST", "/knobs", {"more_usage_rows": True})
    rows = {row.name.value: row for row in sdk.arm.usages.list(REGION)}
    assert rows.keys() >= {
        "OpenAI.FineTuned.Deployments", "OpenAI.Dedicated.text-curie-001", "OpenAI.Standard.ada",
        "AIServices.GlobalStandard.MaaS", "AIServices.GlobalStandard.gpt-oss-120b",
        "OpenAI.GlobalStandard.gpt-4.1-mini-finetune", "OpenAI.Provisioned.GPT4o", POOL,
    }  # fmt: skip
    assert rows["OpenAI.Dedicated.text-davinci-002"].limit == 0
    assert rows["OpenAI.Dedicated.text-curie-001"].name.localized_value.endswith("curie-0011")
    deployable = {
        sku.usage_name
        for each in sdk.arm.models.list(REGION)
        for sku in each.model.skus
        if each.model.lifecycle_status != "Deprecated"
    }
    assert "OpenAI.Standard.gpt-35-turbo" not in deployable


def test_labels_are_worded_in_several_ways(sdk: Sdk, simulator: SimulatorProcess):
    for name in ("OpenAI.DataZoneStandard.gpt-5.4", "OpenAI.Standard.gpt-4o"):
        simulator.control("POST", "/limits", {**LIMIT, "usage_name": name})
    labels = {row.name.value: row.name.localized_value for row in sdk.arm.usages.list(REGION)}
    assert labels["OpenAI.Standard.gpt-4o"] == "Tokens Per Minute (thousands) - gpt-4o"
    assert labels["OpenAI.DataZoneStandard.gpt-5.4"] == (
        "One Thousand Tokens Per Minute - gpt-5.4 - DataZoneStandard"
    )


def test_an_account_says_what_it_holds_of_each_pool_in_one_answer(sdk: Sdk):
    answer = sdk.arm.accounts.list_usages(GROUP, "one")
    rows = {row.name.value: (row.current_value, row.limit) for row in answer.value}
    assert rows == {POOL: (60, 2000), "OpenAI.GlobalProvisionedManaged": (15, 100)}
    assert {row.status for row in answer.value} == {"Included"}
    assert answer.next_link is None
    one = sdk.arm.accounts.list_usages(GROUP, "one", filter=f"name.value eq '{POOL}'")
    assert [row.name.value for row in one.value] == [POOL]


def test_usages_of_an_account_that_is_not_there_are_404(sdk: Sdk):
    with pytest.raises(ResourceNotFoundError):
        sdk.arm.accounts.list_usages(GROUP, "none")


def test_an_edited_limit_shows_late(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"limit_delay_seconds": 900})
    simulator.control("POST", "/limits", LIMIT)
    simulator.control("POST", "/clock", {"advance_seconds": 899})
    assert limit_of(sdk) == 2000
    simulator.control("POST", "/clock", {"advance_seconds": 1})
    assert limit_of(sdk) == 123


def test_late_limits_come_in_the_order_of_their_times_and_an_edit_at_once_overrules_them(
    sdk: Sdk, simulator: SimulatorProcess
):
    simulator.control("POST", "/knobs", {"limit_delay_seconds": 600})
    for limit in (300, 400):
        simulator.control("POST", "/limits", {**LIMIT, "limit": limit})
        simulator.control("POST", "/clock", {"advance_seconds": 60})
    simulator.control("POST", "/clock", {"advance_seconds": 480})
    assert limit_of(sdk) == 300
    simulator.control("POST", "/knobs", {"limit_delay_seconds": 0})
    simulator.control("POST", "/limits", {**LIMIT, "limit": 500})
    simulator.control("POST", "/clock", {"advance_seconds": 600})
    assert limit_of(sdk) == 500
