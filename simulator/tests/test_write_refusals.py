"""Writes of deployments that Azure refuses at once, in its words."""

from __future__ import annotations

from typing import Any

import pytest
from azure.mgmt.cognitiveservices import models as m

from simulator.tests.deploying import (
    VERSION,
    names,
    patch,
    put,
    refusal,
    wanted,
)
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk, account_id
from simulator.tests.worlds import REGION


def test_a_put_without_room_is_refused_and_nothing_is_made(sdk: Sdk, simulator: SimulatorProcess):
    status, code, message = refusal(lambda: put(sdk, "new", wanted(5000)))
    assert (status, code) == (400, "InsufficientQuota")
    assert message.startswith("This operation require 5000 new capacity in quota")
    simulator.control("POST", "/knobs", {"quota_refusal": "715-123420"})
    assert refusal(lambda: put(sdk, "new", wanted(5000)))[:2] == (400, "715-123420")
    assert "new" not in names(sdk)


@pytest.mark.parametrize(
    ("body", "code", "words"),
    [
        (
            wanted(5, sku="GlobalBatch"),
            "InvalidResourceProperties",
            "The specified SKU 'GlobalBatch' of account deployment is not supported by the model "
            "'gpt-4o' version: '2024-11-20'.",
        ),
        (
            wanted(5, version="0613"),
            "DeploymentModelNotSupported",
            "The model 'Format: OpenAI, Name: gpt-4o, Version: 0613' of account deployment is not "
            "supported.",
        ),
        (
            wanted(5, scale_settings=m.DeploymentScaleSettings(capacity=5)),
            "InvalidResourceProperties",
            "scale settings of account deployment is deprecated since API version '2023-05-01', "
            "please use 'sku' instead",
        ),
        (m.Deployment(sku=m.Sku(name="Standard")), "InvalidResourceProperties", "'model'"),
        (wanted(0), "InvalidResourceProperties", "must lie between 1 and"),
        (wanted(5, version_upgrade_option="Never"), "InvalidResourceProperties", "not one of"),
        (wanted(5, spillover_deployment_name="chat"), "InvalidResourceProperties", "provisioned"),
        (b'{"sku": 5}', "InvalidRequestContent", "'sku' cannot be 5"),
        (b'{"tags": {"a": 1}, "sku": {"name": "Standard"}, "properties": {"model": '
         b'{"name": "gpt-4o", "version": "2024-11-20"}}}', "InvalidRequestContent", "'tags'"),
        (b'{"properties": {"model": {"name": "gpt-4o"}}}', "InvalidResourceProperties", "sku.name"),
    ],
)  # fmt: skip
def test_a_put_azure_does_not_take_is_refused_in_its_words(
    sdk: Sdk, body: Any, code: str, words: str
):
    status, said, message = refusal(lambda: put(sdk, "new", body))
    assert (status, said) == (400, code)
    assert words in message
    assert "new" not in names(sdk)


def test_capacity_and_model_do_not_change_together(sdk: Sdk):
    _, code, message = refusal(lambda: put(sdk, "chat", wanted(51, version="2024-08-06")))
    assert code == "InvalidResourceProperties"
    assert message.startswith("Cannot change capacity and model at the same time for deployment")


@pytest.mark.parametrize(
    ("retires_at", "code", "words"),
    [
        ("2026-03-04", "ServiceModelDeprecated", "has been deprecated since 03/04/2026 00:00:00."),
        ("2026-04-01", "ServiceModelDeprecating",
         "is in deprecating state and cannot be used for new deployments."),
    ],
)  # fmt: skip
def test_nothing_new_is_made_of_a_model_at_its_end(
    sdk: Sdk, simulator: SimulatorProcess, retires_at: str, code: str, words: str
):
    end = {"model": "gpt-4o", "version": VERSION, "retires_at": retires_at}
    simulator.control("POST", "/models", end)
    status, said, message = refusal(lambda: put(sdk, "new", wanted(1)))
    assert (status, said) == (400, code)
    assert message == f"The model 'Format:OpenAI,Name:gpt-4o,Version:{VERSION}' {words}"
    assert sdk.set_capacity("chat", 40).sku.capacity == 40


def test_an_account_has_at_most_32_standard_deployments(sdk: Sdk):
    for number in range(30):
        put(sdk, f"n{number}", wanted(1))
    assert refusal(lambda: put(sdk, "too-many", wanted(1)))[0] == 400
    ptu = wanted(15, sku="GlobalProvisionedManaged")
    assert put(sdk, "another-ptu", ptu).sku.capacity == 15


@pytest.mark.parametrize("target", ["nowhere", "ptu", "old"])
def test_spill_over_leads_to_a_standard_deployment_of_the_same_model_only(sdk: Sdk, target: str):
    put(sdk, "old", wanted(1, version="2024-08-06"))
    body = wanted(15, sku="GlobalProvisionedManaged", spillover_deployment_name=target)
    assert refusal(lambda: put(sdk, "second", body))[1] == "InvalidResourceProperties"
    body.properties.spillover_deployment_name = "chat"
    assert put(sdk, "second", body).properties.spillover_deployment_name == "chat"


@pytest.mark.parametrize("code", ["715-123420", "SpecialFeatureOrQuotaIdRequired"])
def test_refusals_without_a_rule_come_by_knob(sdk: Sdk, simulator: SimulatorProcess, code: str):
    simulator.control("POST", "/knobs", {"write_refusal": code})
    status, said, message = refusal(lambda: put(sdk, "new", wanted(1)))
    assert (status, said) == (400, code)
    if code.startswith("Special"):
        assert message == (
            "The subscription does not have QuotaId/Feature required by SKU 'S0' from kind "
            "'OpenAI'."
        )
    sdk.arm.deployments.begin_delete(GROUP, "one", "pilot").result(20)


def test_denied_actions_are_refused_as_azure_does_and_others_are_not(
    sdk: Sdk, simulator: SimulatorProcess
):
    denied = ["Microsoft.CognitiveServices/accounts/deployments/write"]
    simulator.control("POST", "/knobs", {"denied_actions": denied})
    status, code, message = refusal(lambda: put(sdk, "new", wanted(1)))
    assert (status, code) == (403, "AuthorizationFailed")
    assert (
        f"perform action '{denied[0]}' over scope '{account_id('one')}/deployments/new'" in message
    )
    assert names(sdk) == ["chat", "pilot", "ptu"]
    simulator.control("POST", "/knobs", {"denied_actions": ["microsoft.cognitiveservices/*/read"]})
    assert refusal(lambda: list(sdk.arm.usages.list(REGION)))[1] == "AuthorizationFailed"
    assert put(sdk, "new", wanted(1)).name == "new"
    simulator.control("POST", "/knobs", {"denied_actions": ["Microsoft.Insights/metrics/read"]})
    assert refusal(lambda: sdk.series(["AzureOpenAIRequests"]))[0] == 403


def test_a_write_to_nowhere_is_not_found(sdk: Sdk):
    assert refusal(lambda: put(sdk, "new", wanted(1), account="nowhere"))[:2] == (
        404,
        "ResourceNotFound",
    )
    body = m.PatchResourceTagsAndSku(tags={})
    assert refusal(lambda: patch(sdk, "nowhere", body))[0] == 404
    assert sdk.arm.deployments.begin_delete(GROUP, "one", "nowhere").result(20) is None
