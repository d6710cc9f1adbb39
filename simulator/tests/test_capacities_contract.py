"""Model capacities, their calculation and resource SKUs through the real SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices import models as m

from simulator.models_catalogue import CapacityRule, ModelSku
from simulator.sizing import Workload, deployable_units, estimated_units
from simulator.tests import worlds
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.shapes import assert_has_fields
from simulator.tests.worlds import REGION, SUBSCRIPTION
from simulator.world_checks import WorldError

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "azure"
MODEL = ("OpenAI", "gpt-4o", "2024-11-20")


def available(sdk: Sdk) -> dict[str, tuple[float, float]]:
    """SKU → (for base models, for fine-tuned ones)."""
    rows = sdk.arm.location_based_model_capacities.list(REGION, *MODEL)
    return {
        row.name: (
            row.properties.available_capacity,
            row.properties.available_finetune_capacity,
        )
        for row in rows
    }


def service(simulator: SimulatorProcess, units: int | None, sku: str = "GlobalStandard") -> None:
    body = {"region": "East US 2", "sku": sku, "units": units}
    simulator.control("POST", "/service-capacity", body)


def test_what_is_available_is_what_the_pool_has_left(sdk: Sdk):
    assert available(sdk) == {
        "GlobalStandard": (2000 - 160, 0),
        "Standard": (0, 0),
        "DataZoneStandard": (0, 0),
        "GlobalProvisionedManaged": (85, 0),
        "ProvisionedManaged": (0, 0),
        "DataZoneProvisionedManaged": (0, 0),
    }


def test_what_is_available_is_a_capacity_the_sku_accepts(sdk: Sdk, simulator: SimulatorProcess):
    pool = {"subscription": SUBSCRIPTION, "region": REGION, "limit": 48}
    simulator.control("POST", "/limits", {**pool, "usage_name": "OpenAI.GlobalProvisionedManaged"})
    assert available(sdk)["GlobalProvisionedManaged"] == (30, 0)  # 33 left, in steps of 5
    simulator.control("POST", "/limits", {**pool, "usage_name": "OpenAI.ProvisionedManaged"})
    assert available(sdk)["ProvisionedManaged"] == (0, 0)  # 48 left, at least 50 wanted


def test_fine_tuned_models_have_a_pool_of_their_own(sdk: Sdk, simulator: SimulatorProcess):
    pool = {"subscription": SUBSCRIPTION, "region": REGION, "limit": 70}
    name = "OpenAI.GlobalStandard.gpt-4o-finetune"
    simulator.control("POST", "/limits", {**pool, "usage_name": name})
    assert available(sdk)["GlobalStandard"] == (1840, 70)


def test_quota_is_not_deployability(sdk: Sdk, simulator: SimulatorProcess):
    service(simulator, 180)
    assert available(sdk)["GlobalStandard"] == (20, 0)
    with pytest.raises(HttpResponseError) as caught:
        sdk.set_capacity("chat", 71)
    assert (caught.value.status_code, caught.value.error.code) == (400, "715-123420")
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 50
    assert sdk.set_capacity("chat", 70).sku.capacity == 70
    service(simulator, 0)
    assert available(sdk)["GlobalStandard"] == (0, 0)
    assert sdk.set_capacity("chat", 60).sku.capacity == 60
    service(simulator, None)
    assert available(sdk)["GlobalStandard"] == (1830, 0)


def test_a_change_of_the_model_gives_back_what_the_old_one_held(
    sdk: Sdk, simulator: SimulatorProcess
):
    name = "OpenAI.GlobalStandard.gpt-4o-mini"
    pool = {"subscription": SUBSCRIPTION, "region": REGION, "usage_name": name, "limit": 500}
    simulator.control("POST", "/limits", pool)
    service(simulator, 160)  # all of it is held
    mini = {"format": "OpenAI", "name": "gpt-4o-mini", "version": "2024-07-18"}
    body = {"sku": {"name": "GlobalStandard", "capacity": 10}, "properties": {"model": mini}}
    moved = sdk.arm.deployments.begin_create_or_update(GROUP, "one", "pilot", body).result(5)
    assert moved.properties.model.name == "gpt-4o-mini"


def test_service_capacity_outlives_a_restart_but_not_a_reset(simulator: SimulatorProcess):
    service(simulator, 7, "Standard")
    simulator.stop()
    simulator.start()
    rows = simulator.control(
        "POST", "/service-capacity", {"region": REGION, "sku": "DataZoneStandard", "units": 1}
    )["value"]
    assert {"region": REGION, "sku": "standard", "units": 7} in rows
    simulator.control("POST", "/reset")
    rows = simulator.control("POST", "/service-capacity", {"region": REGION, "sku": "x"})
    assert rows == {"value": []}


def test_capacities_of_all_regions_name_their_location(sdk: Sdk, simulator: SimulatorProcess):
    pool = {"subscription": SUBSCRIPTION, "usage_name": "OpenAI.GlobalStandard.gpt-4o"}
    simulator.control("POST", "/limits", {**pool, "region": "eastus2", "limit": 500})
    rows = list(sdk.arm.model_capacities.list(*MODEL))
    found = {(row.location, row.name): row.properties.available_capacity for row in rows}
    assert found[REGION, "GlobalStandard"] == 340
    assert {row.properties.model.version for row in rows} == {"2024-11-20"}
    assert {row.type for row in rows} == {
        "Microsoft.CognitiveServices/locations/models/skuCapacities"
    }


def test_a_model_azure_does_not_know_has_no_capacities(sdk: Sdk):
    assert list(sdk.arm.model_capacities.list("OpenAI", "gpt-9", "1")) == []
    assert list(sdk.arm.model_capacities.list("Meta", "gpt-4o", "2024-11-20")) == []


@pytest.mark.parametrize("place", ["", f"/locations/{REGION}"])
@pytest.mark.parametrize("missing", ["modelFormat", "modelName", "modelVersion"])
def test_all_three_parameters_are_required(simulator: SimulatorProcess, place: str, missing: str):
    asked = dict(zip(("modelFormat", "modelName", "modelVersion"), MODEL, strict=True))
    del asked[missing]
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices{place}"
    headers = {"Authorization": f"Bearer {simulator.token('https://management.azure.com')}"}
    with simulator.http() as http:
        answer = http.get(
            f"{path}/modelCapacities", params={"api-version": "1", **asked}, headers=headers
        )
    assert answer.status_code == 400


def workload(rpm: int, prompt: int, generated: int) -> m.ModelCapacityCalculatorWorkload:
    return m.ModelCapacityCalculatorWorkload(
        request_per_minute=rpm,
        request_parameters=m.ModelCapacityCalculatorWorkloadRequestParam(
            avg_prompt_tokens=prompt, avg_generated_tokens=generated
        ),
    )


@pytest.mark.parametrize(
    ("sku", "workloads", "value", "deployable"),
    [
        # (100 × 1000 + 4 × 100 × 200) ÷ 2500 = 72
        ("GlobalProvisionedManaged", [workload(100, 1000, 200)], 72, 75),
        ("ProvisionedManaged", [workload(100, 1000, 200)], 72, 100),
        ("GlobalProvisionedManaged", [workload(100, 1000, 200), workload(1, 2500, 0)], 73, 75),
        ("DataZoneProvisionedManaged", [workload(1, 10, 1)], 1, 15),
        # 120,000 tokens a minute need 120 units; 100 requests would need 17.
        ("GlobalStandard", [workload(100, 1000, 200)], 120, 120),
        ("GlobalStandard", [workload(100, 1, 0)], 17, 17),
    ],
)
def test_capacity_is_calculated_by_the_documented_sizing(
    sdk: Sdk, sku: str, workloads: list[Any], value: int, deployable: int
):
    model = m.DeploymentModel(format="OpenAI", name="gpt-4o", version="2024-11-20")
    answer = sdk.arm.calculate_model_capacity(model=model, sku_name=sku, workloads=workloads)
    estimate = answer.estimated_capacity
    assert (estimate.value, estimate.deployable_value) == (value, deployable)
    assert (answer.sku_name, answer.model.name) == (sku, "gpt-4o")


@pytest.mark.parametrize(("rpm", "deployable"), [(18, 45), (19, 45), (20, 50)])
def test_the_sizing_matches_what_azures_calculator_was_seen_to_answer(rpm: int, deployable: int):
    # gpt-5.6-sol, 1000 + 300 tokens: 1,200 input tokens a minute for each PTU, weight 6.
    rule = CapacityRule(minimum=15, maximum=100_000, step=5, default=15)
    sku = ModelSku("GlobalProvisionedManaged", "x", "x", rule, (), 1200, 6)
    assert deployable_units(sku, estimated_units(sku, [Workload(rpm, 1000, 300)])) == deployable


@pytest.mark.parametrize(
    ("name", "sku", "code"),
    [
        ("gpt-9", "Standard", "DeploymentModelNotSupported"),
        ("gpt-4o", "DeveloperTier", "InvalidResourceProperties"),
    ],
)
def test_a_calculation_for_what_is_not_sold_is_refused(sdk: Sdk, name: str, sku: str, code: str):
    model = m.DeploymentModel(format="OpenAI", name=name, version="2024-11-20")
    with pytest.raises(HttpResponseError) as caught:
        sdk.arm.calculate_model_capacity(model=model, sku_name=sku, workloads=[])
    assert caught.value.error.code == code


@pytest.mark.parametrize("workloads", ["many", [3], [{"requestPerMinute": -1}]])
def test_workloads_that_are_none_are_refused(simulator: SimulatorProcess, workloads: Any):
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices"
    headers = {"Authorization": f"Bearer {simulator.token('https://management.azure.com')}"}
    model = {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}
    body = {"model": model, "skuName": "Standard", "workloads": workloads}
    with simulator.http() as http:
        answer = http.post(
            f"{path}/calculateModelCapacity?api-version=1", json=body, headers=headers
        )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "InvalidRequestContent")


def test_resource_skus_name_kind_and_region(sdk: Sdk):
    rows = {(row.kind, row.locations[0]): row for row in sdk.arm.resource_skus.list()}
    assert rows.keys() > {("OpenAI", "EASTUS2"), ("AIServices", "EASTUS2")}
    row = rows["OpenAI", "EASTUS2"]
    assert (row.name, row.tier, row.resource_type, row.restrictions) == (
        "S0", "Standard", "accounts", [],
    )  # fmt: skip


def test_a_row_has_the_fields_of_the_official_example(sdk: Sdk):
    found = list(REFERENCE.rglob("ListLocationBasedModelCapacities.json"))
    if not found:
        pytest.skip("the official examples are not at hand")
    body = json.loads(found[0].read_text())["responses"]["200"]["body"]
    row = next(iter(sdk.arm.location_based_model_capacities.list(REGION, *MODEL)))
    assert_has_fields(row.serialize(keep_readonly=True), body["value"][0])


def test_a_calculation_has_the_fields_of_the_official_example(sdk: Sdk):
    found = list(REFERENCE.rglob("CalculateModelCapacity.json"))
    if not found:
        pytest.skip("the official examples are not at hand")
    body = json.loads(found[0].read_text())["responses"]["200"]["body"]
    model = m.DeploymentModel(format="OpenAI", name="gpt-4o", version="2024-11-20")
    answer = sdk.arm.calculate_model_capacity(model=model, sku_name="Standard", workloads=[])
    assert_has_fields(answer.serialize(keep_readonly=True), body)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ({"sku": "Standard", "units": 1}, r"service_capacity\[0\].region"),
        ({"region": REGION, "sku": "Standard", "units": -1}, "whole number from 0"),
    ],
)
def test_wrong_service_capacity_in_a_world_file_is_refused(row: dict[str, Any], sentence: str):
    with pytest.raises(WorldError, match=sentence):
        worlds.parsed({**worlds.world_of(worlds.deployment()), "service_capacity": [row]})


def test_a_world_may_say_what_azure_has():
    raw = worlds.world_of(worlds.deployment())
    raw["service_capacity"] = [{"region": "East US 2", "sku": "Standard", "units": 5}]
    assert worlds.parsed(raw).service_capacity == {(REGION, "Standard"): 5}


@pytest.mark.parametrize("body", [{"region": REGION}, {"region": REGION, "sku": "x", "units": "5"}])
def test_a_wrong_service_capacity_is_refused(simulator: SimulatorProcess, body: Any):
    with simulator.http() as http:
        assert http.post("/_sim/service-capacity", json=body).status_code == 400
