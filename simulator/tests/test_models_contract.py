"""The model catalogue through the real azure-mgmt-cognitiveservices."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices import models as m

from simulator.tests.definitions import REFERENCE
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.worlds import (
    REGION,
    account,
    deployment,
    limit,
    parsed,
    world,
    world_of,
)
from simulator.world_checks import WorldError


def models(sdk: Sdk, kind: str = "AIServices") -> dict[tuple[str, str], Any]:
    return {
        (row.model.name, row.model.version): row.model
        for row in sdk.arm.models.list(REGION)
        if row.kind == kind
    }


def skus(model: Any) -> dict[str, Any]:
    return {sku.usage_name: sku for sku in model.skus}


def test_models_of_other_publishers_are_for_one_kind_of_account_only(foundry_sdk: Sdk):
    rows = {(row.kind, row.model.format) for row in foundry_sdk.arm.models.list(REGION)}
    publishers = {"DeepSeek", "Meta", "Mistral AI", "xAI", "Cohere", "Microsoft"}
    assert {form for kind, form in rows if kind == "AIServices"} == {"OpenAI", *publishers}
    assert {form for kind, form in rows if kind == "OpenAI"} == {"OpenAI"}


def test_an_account_lists_what_its_kind_can_deploy(foundry_sdk: Sdk):
    formats = {
        name: {model.format for model in foundry_sdk.arm.accounts.list_models(GROUP, name)}
        for name in ("one", "foundry")
    }
    assert formats["one"] == {"OpenAI"}
    assert "DeepSeek" in formats["foundry"]


def test_small_partner_models_share_one_pool_and_tell_no_rate_limits(foundry_sdk: Sdk):
    found = models(foundry_sdk)
    llama = found["Llama-3.2-90B-Vision-Instruct", "2"]
    (sku,) = llama.skus
    assert sku.usage_name == "AIServices.GlobalStandard.MaaS"
    assert sku.rate_limits is None
    assert (sku.capacity.minimum, sku.capacity.maximum, sku.capacity.step) == (None, 1, None)
    assert sku.capacity.allowed_values is None
    assert llama.model_catalog_asset_id == (
        "azureml://registries/azureml-meta/models/Llama-3.2-90B-Vision-Instruct/versions/2"
    )
    assert skus(found["Phi-4", "7"]).keys() == {"AIServices.GlobalStandard.MaaS"}


def test_a_capacity_rule_may_say_nothing_at_all_or_list_its_values(foundry_sdk: Sdk):
    found = models(foundry_sdk)
    nothing = skus(found["grok-4.3", "1"])["AIServices.GlobalStandard.grok-4.3"].capacity
    assert nothing.as_dict() == {}
    listed = skus(found["whisper", "001"])["OpenAI.Standard.whisper"].capacity
    assert listed.allowed_values == [1, 2, 3]


def test_images_have_requests_and_no_tokens_to_count(foundry_sdk: Sdk):
    image = skus(models(foundry_sdk)["gpt-image-1", "2025-04-15"])
    (rule,) = image["OpenAI.GlobalStandard.gpt-image-1"].rate_limits
    assert rule.additional_properties["key"] == "request"
    (limit,) = foundry_sdk.arm.deployments.get(GROUP, "foundry", "image").properties.rate_limits
    assert (limit.key, limit.count, limit.renewal_period) == ("request", 3, 60)


def test_what_a_sku_does_not_limit_does_not_stop_requests(foundry_sdk: Sdk):
    served = foundry_sdk.series(
        ["ModelRequests"], "ModelDeploymentName eq 'llama' and StatusCode eq '*'",
        account="foundry",
    )  # fmt: skip
    ((_, *values),) = served
    assert "200" in values
    assert "429" not in values


def test_fine_tuning_repeats_a_sku_with_a_pool_of_its_own(foundry_sdk: Sdk):
    rows = models(foundry_sdk, "OpenAI")["gpt-4o", "2024-08-06"]
    standard = [sku.usage_name for sku in rows.skus if sku.name == "Standard"]
    assert standard == ["OpenAI.Standard.gpt-4o", "OpenAI.Standard.gpt-4o-finetune"]
    assert {sku.name for sku in rows.skus} >= {"DeveloperTier", "GlobalBatch", "DataZoneBatch"}
    assert rows.capabilities["fineTune"] == "true"


def test_a_fine_tuned_model_is_deployed_from_the_pool_of_its_base_model_for_such():
    name = "gpt-4o-2024-08-06.ft-0e208cf33a6a466994aff31a08aba678"
    raw = world(account("one", deployment("drafts", model=name, version="1", sku="Standard")))
    raw["limits"].append(limit("OpenAI.Standard.gpt-4o-finetune", 150))
    found = parsed(raw).accounts[0].deployments[0]
    assert found.model.is_fine_tuned
    assert found.sku.usage_name == "OpenAI.Standard.gpt-4o-finetune"
    assert found.sku.per_minute("token") == 1000


@pytest.mark.parametrize(
    "name", ["gpt-5-2025-08-07.ft-0e20", "gpt-4o-2024-08-06.ft-", "gpt-4o-1.ft-0e20"]
)
def test_what_cannot_be_fine_tuned_has_no_fine_tuned_model(name: str):
    raw = world(account("one", deployment("drafts", model=name, version="1", sku="Standard")))
    with pytest.raises(WorldError, match="the catalogue has"):
        parsed(raw)


def test_batch_is_its_own_quota_without_rates(foundry_sdk: Sdk):
    batch = skus(models(foundry_sdk)["gpt-4o", "2024-08-06"])["OpenAI.GlobalBatch.gpt-4o"]
    assert (batch.name, batch.rate_limits) == ("GlobalBatch", None)


def test_old_rows_spell_provisioned_in_either_case(foundry_sdk: Sdk):
    found = models(foundry_sdk, "OpenAI")
    turbo, four = found["gpt-35-turbo", "0301"], found["gpt-4o", "2024-05-13"]
    assert {sku.name for sku in turbo.skus} == {"Standard", "Provisioned"}
    assert [sku.name for sku in four.skus] == ["provisioned"]
    assert (turbo.lifecycle_status, turbo.deprecation.inference) == (
        "Deprecated", "2025-04-30T00:00:00Z",
    )  # fmt: skip
    ends = skus(turbo)["OpenAI.Provisioned.gpt-35-turbo"].deprecation_date
    assert ends.isoformat() == "2025-05-15T00:00:00+00:00"


def test_a_model_says_what_it_can_and_how_long(foundry_sdk: Sdk):
    found = models(foundry_sdk)["gpt-4o", "2024-11-20"]
    assert (found.is_default_version, found.max_capacity) == (True, 9)
    assert (found.lifecycle_status, found.deprecation.deprecation_status) == (
        "GenerallyAvailable", "Tentative",
    )  # fmt: skip
    assert found.capabilities["maxContextToken"] == "128000"
    assert found.system_data.created_by_type == "Application"
    assert found.replacement_config is None
    assert models(foundry_sdk)["gpt-image-1", "2025-04-15"].lifecycle_status == "Preview"


def test_rates_are_numbers_with_a_fraction_and_differ_by_version(foundry: SimulatorProcess):
    token = foundry.token("https://management.azure.com")
    with foundry.http() as http:
        answer = http.get(
            "/subscriptions/22222222-2222-4222-8222-222222222222/providers/"
            f"Microsoft.CognitiveServices/locations/{REGION}/models?api-version=2025-09-01",
            headers={"Authorization": f"Bearer {token}"},
        )
    assert '"renewalPeriod":10.0,"count":1.0' in answer.text
    rates = {
        row["model"]["version"]: row["model"]["skus"][0]["rateLimits"]
        for row in answer.json()["value"]
        if row["model"]["name"] == "gpt-realtime-mini"
    }
    assert rates["2025-10-06"] != rates["2025-12-15"]


def test_recorded_rates_of_a_unit_are_ours(foundry_sdk: Sdk):
    path = REFERENCE / "recorded-traffic" / "model-sku-rate-limits.json"
    if not path.is_file():
        pytest.skip("the recorded rates are not at hand")
    found = models(foundry_sdk)
    for row in json.loads(path.read_text())["skus"]:
        name, _, version = row["model"].partition(" ")
        sku = skus(found[name, version or "2024-11-20"])[row["sku"]["usageName"]]
        ours = [
            {
                "key": rate.additional_properties["key"],
                "count": rate.count,
                "renewalPeriod": rate.renewal_period,
            }
            for rate in sku.rate_limits
        ]
        assert ours == row["sku"]["rateLimits"]
        assert sku.capacity.maximum == row["sku"]["capacity"]["maximum"]


def test_a_deployment_of_another_publisher_names_its_format(foundry_sdk: Sdk):
    found = foundry_sdk.arm.deployments.get(GROUP, "foundry", "deepseek")
    assert (found.properties.model.format, found.sku.capacity) == ("DeepSeek", 250)
    usages = {row.name.value: row.current_value for row in foundry_sdk.arm.usages.list(REGION)}
    assert usages["AIServices.GlobalStandard.DeepSeek-V4-Pro"] == 250
    assert usages["AIServices.GlobalStandard.MaaS"] == 1


@pytest.mark.parametrize(
    ("account", "name", "code"),
    [
        ("foundry", "DeepSeek-V4-Pro", None),
        ("one", "DeepSeek-V4-Pro", "DeploymentModelNotSupported"),
        ("speech", "gpt-4o", "DeploymentModelNotSupported"),
        ("one", "gpt-4o", None),
    ],
)
def test_a_model_comes_into_accounts_of_its_kinds_only_and_in_its_default_version(
    foundry_sdk: Sdk, account: str, name: str, code: str | None
):
    publisher = "OpenAI" if name == "gpt-4o" else "DeepSeek"
    wanted = m.Deployment(
        sku=m.Sku(name="GlobalStandard", capacity=1),
        properties=m.DeploymentProperties(model=m.DeploymentModel(format=publisher, name=name)),
    )
    if code is not None:
        with pytest.raises(HttpResponseError) as caught:
            foundry_sdk.arm.deployments.begin_create_or_update(GROUP, account, "new", wanted)
        assert caught.value.error.code == code
        return
    made = foundry_sdk.arm.deployments.begin_create_or_update(GROUP, account, "new", wanted)
    expected = {"gpt-4o": "2024-11-20", "DeepSeek-V4-Pro": "2026-04-23"}[name]
    assert made.result().properties.model.version == expected


def test_newer_fields_come_with_newer_versions_of_the_api(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    def extra(version: str) -> dict[str, Any]:
        found = foundry_sdk.arm.deployments.get(GROUP, "one", "chat", api_version=version)
        more: dict[str, Any] = found.properties.additional_properties
        return more

    assert extra("2025-09-01") == {}
    assert extra("2025-10-01-preview") == {"serviceTier": "Default", "deploymentState": "Running"}
    foundry.control("POST", "/knobs", {"newer_deployment_fields": "always"})
    assert extra("2025-09-01")["serviceTier"] == "Default"
    foundry.control("POST", "/knobs", {"newer_deployment_fields": "never"})
    assert extra("2026-05-15-preview") == {}


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (world_of(deployment(model="DeepSeek-V4-Pro", version="2026-04-23")), "kind AIServices"),
        (
            world_of(deployment(properties={"versionUpgradeOption": "Never"})),
            "choose one of OnceNewDefaultVersionAvailable",
        ),
        (world_of(deployment(properties={"colour": 1})), "properties.colour: not among"),
        ({**world_of(), "models": [{"model": "gpt-9", "version": "1"}]}, r"models\[0\].model: no"),
        (
            {**world_of(), "models": [{"model": "gpt-4o", "version": "2024-08-06"}]},
            r"models\[0\].retires_at: say when",
        ),
        ({**world_of(), "regions": "eastus"}, "regions: expected a list"),
        (
            world({**world_of(deployment())["accounts"][0], "kind": "SpeechServices"}),
            "kind SpeechServices hosts none",
        ),
        (
            world({**world_of()["accounts"][0], "properties": {"publicNetworkAccess": 1}}),
            r"accounts\[0\].properties.publicNetworkAccess: expected Enabled or Disabled",
        ),
    ],
)
def test_a_world_that_azure_would_not_have_is_refused(raw: dict[str, Any], sentence: str):
    with pytest.raises(WorldError, match=sentence):
        parsed(raw)
