"""Accounts and their posture through the real azure-mgmt-cognitiveservices."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices import models as m

from simulator.answer_changes import UNKNOWN_FIELD
from simulator.tests.foundry_world import KEY_VAULT, SUBNET, foundry_world
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.worlds import SUBSCRIPTION


def test_an_account_nobody_locked_is_open(foundry_sdk: Sdk):
    one = foundry_sdk.arm.accounts.get(GROUP, "one").properties
    assert (one.public_network_access, one.disable_local_auth) == ("Enabled", False)
    assert one.network_acls.default_action == "Allow"
    assert one.network_acls.ip_rules == one.network_acls.virtual_network_rules == []
    assert one.private_endpoint_connections == []
    assert one.encryption is None
    assert one.restrict_outbound_network_access is None


def test_a_locked_account_says_how(foundry_sdk: Sdk):
    found = foundry_sdk.arm.accounts.get(GROUP, "foundry")
    posture = found.properties
    assert (posture.public_network_access, posture.disable_local_auth) == ("Disabled", True)
    assert posture.restrict_outbound_network_access is True
    assert posture.allowed_fqdn_list == ["example.com"]
    assert posture.network_acls.default_action == "Deny"
    assert [each.value for each in posture.network_acls.ip_rules] == ["203.0.113.0/24"]
    assert [each.id for each in posture.network_acls.virtual_network_rules] == [SUBNET]
    assert posture.encryption.key_source == "Microsoft.KeyVault"
    assert posture.encryption.key_vault_properties.key_name == "ai"
    assert (posture.quota_limit.count, posture.quota_limit.renewal_period) == (100, 60)
    assert (found.identity.type, found.sku.name) == ("SystemAssigned", "S0")
    assert found.tags == {"costCenter": "42"}
    assert found.system_data.created_at.isoformat() == "2025-06-01T00:00:00+00:00"
    assert posture.date_created == "2025-06-01T00:00:00Z"
    (connection,) = posture.private_endpoint_connections
    assert connection.id == f"{found.id}/privateEndpointConnections/pe-ai"
    state = connection.properties.private_link_service_connection_state
    assert (state.status, connection.properties.group_ids) == ("Approved", ["account"])


def test_endpoints_depend_on_the_kind(foundry_sdk: Sdk):
    kinds = {each.name: each.properties for each in foundry_sdk.arm.accounts.list()}
    assert kinds["one"].endpoint == "https://one.openai.azure.com/"
    assert kinds["foundry"].endpoint == "https://foundry.cognitiveservices.azure.com/"
    endpoints = kinds["foundry"].endpoints
    assert endpoints["AI Foundry API"] == "https://foundry.services.ai.azure.com/"
    assert endpoints["OpenAI Language Model Instance API"] == "https://foundry.openai.azure.com/"
    assert kinds["speech"].endpoint == "https://eastus2.api.cognitive.microsoft.com/"
    assert kinds["speech"].custom_sub_domain_name is None


def test_capabilities_and_request_throttling_are_told_but_count_no_tokens(foundry_sdk: Sdk):
    one = foundry_sdk.arm.accounts.get(GROUP, "one").properties
    assert {"VirtualNetworks", "CustomerManagedKey"} <= {each.name for each in one.capabilities}
    rules = {each.key: (each.count, each.renewal_period) for each in one.call_rate_limit.rules}
    assert rules["default"] == (30, 1)


def test_an_account_of_another_kind_hosts_no_deployments(foundry_sdk: Sdk):
    assert foundry_sdk.arm.accounts.get(GROUP, "speech").kind == "SpeechServices"
    assert list(foundry_sdk.arm.deployments.list(GROUP, "speech")) == []
    assert list(foundry_sdk.arm.accounts.list_models(GROUP, "speech")) == []


def test_an_edit_in_the_portal_changes_posture_etag_and_time(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    before = foundry_sdk.arm.accounts.get(GROUP, "one")
    edit = {"publicNetworkAccess": "Disabled", "encryption": KEY_VAULT}
    body = {"account": "ONE", "properties": edit, "tags": {"a": "b"}, "identity": {"type": "None"}}
    foundry.control("POST", "/clock", {"advance_seconds": 60})
    foundry.control("POST", "/edit", body)
    after = foundry_sdk.arm.accounts.get(GROUP, "one")
    assert after.properties.public_network_access == "Disabled"
    assert after.properties.encryption.key_source == "Microsoft.KeyVault"
    assert (after.tags, after.identity.type) == ({"a": "b"}, "None")
    assert after.etag != before.etag
    assert after.system_data.last_modified_at > before.system_data.last_modified_at
    foundry.control("POST", "/edit", {"account": "one", "properties": {"encryption": None}})
    again = foundry_sdk.arm.accounts.get(GROUP, "one").properties
    assert (again.encryption, again.public_network_access) == (None, "Disabled")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"properties": {"publicNetworkAccess": "Maybe"}}, "Enabled or Disabled"),
        ({"properties": {"colour": "blue"}}, "properties.colour: not among"),
        ({"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [1]}}}, "ipRules"),
        ({"properties": {"encryption": {"keySource": "Microsoft.KeyVault"}}}, "keyVaultProperties"),
        ({"properties": {"disableLocalAuth": "yes"}}, "true or false"),
        ({"tags": {"a": 1}}, "an object of texts"),
        ({}, "Say what of the account changes"),
    ],
)
def test_an_edit_azure_does_not_know_is_refused_with_a_sentence(
    foundry: SimulatorProcess, body: dict[str, Any], words: str
):
    with foundry.http() as http:
        answer = http.post("/_sim/edit", json={"account": "one", **body})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


def test_an_edit_of_no_account_is_404(foundry: SimulatorProcess):
    with foundry.http() as http:
        answer = http.post("/_sim/edit", json={"account": "none", "tags": {}})
    assert answer.status_code == 404


def test_accounts_cannot_be_created_or_changed_through_arm(foundry_sdk: Sdk):
    with pytest.raises(HttpResponseError) as created:
        foundry_sdk.arm.accounts.begin_create(GROUP, "new", m.Account(location="eastus2"))
    with pytest.raises(HttpResponseError) as changed:
        foundry_sdk.arm.accounts.begin_update(GROUP, "one", m.Account(tags={}))
    assert created.value.status_code == changed.value.status_code == 405


def test_skus_say_which_kinds_are_sold_where(foundry_sdk: Sdk):
    rows = list(foundry_sdk.arm.resource_skus.list())
    assert {("OpenAI", "EASTUS2"), ("AIServices", "WESTEUROPE")} <= {
        (row.kind, row.locations[0]) for row in rows
    }


def get(simulator: SimulatorProcess, path: str) -> httpx.Response:
    token = simulator.token("https://management.azure.com")
    headers = {"Authorization": f"Bearer {token}"}
    with simulator.http() as http:
        return http.get(path, params={"api-version": "2022-12-01"}, headers=headers)


def test_arm_itself_names_subscriptions(foundry: SimulatorProcess):
    (row,) = get(foundry, "/subscriptions").json()["value"]
    assert (row["subscriptionId"], row["displayName"]) == (SUBSCRIPTION, "Test")
    assert row["state"] == "Enabled"
    assert get(foundry, f"/subscriptions/{SUBSCRIPTION}").json() == row
    assert get(foundry, "/subscriptions/none").json()["error"]["code"] == "SubscriptionNotFound"


def test_the_provider_is_registered_and_names_its_locations(foundry: SimulatorProcess):
    provider = "/providers/Microsoft.CognitiveServices"
    registered = get(foundry, f"/subscriptions/{SUBSCRIPTION}{provider}").json()
    assert registered["registrationState"] == "Registered"
    accounts = next(r for r in registered["resourceTypes"] if r["resourceType"] == "accounts")
    assert accounts["locations"] == ["eastus2", "westeurope"]
    assert get(foundry, provider).json()["namespace"] == "Microsoft.CognitiveServices"


def test_a_region_of_the_list_is_there_although_nothing_is_in_it(foundry_sdk: Sdk):
    assert list(foundry_sdk.arm.models.list("westeurope"))


def test_unknown_fields_in_every_object_do_not_disturb_the_sdk(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    foundry.control("POST", "/knobs", {"unknown_fields": True})
    found = foundry_sdk.arm.accounts.get(GROUP, "foundry")
    assert found.name == "foundry"
    assert UNKNOWN_FIELD in found.additional_properties
    assert UNKNOWN_FIELD in found.properties.network_acls.additional_properties
    chat = foundry_sdk.arm.deployments.get(GROUP, "one", "chat")
    assert chat.sku.capacity == 50
    assert UNKNOWN_FIELD in chat.properties.additional_properties
    with pytest.raises(HttpResponseError) as caught:
        foundry_sdk.arm.deployments.get(GROUP, "one", "none")
    assert caught.value.error.code == "ResourceNotFound"


def test_edits_and_retirements_survive_a_kill(start: Any):
    process: SimulatorProcess = start(foundry_world())
    process.control("POST", "/edit", {"account": "one", "properties": {"disableLocalAuth": True}})
    plan = {"model": "gpt-4o", "version": "2024-08-06", "retires_at": "2027-01-01T00:00:00Z"}
    process.control("POST", "/models", plan)
    process.stop(9)
    process.start()
    account = get(process, f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/"
                  "Microsoft.CognitiveServices/accounts/one").json()  # fmt: skip
    assert account["properties"]["disableLocalAuth"] is True
    (kept,) = process.control("GET", "/models")["value"]
    assert kept["retires_at"] == "2027-01-01T00:00:00Z"
