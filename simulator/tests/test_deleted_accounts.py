"""Accounts are deleted, hold their quota for 48 hours, come back or are purged."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.cognitiveservices import models as m

from simulator.tests.deploying import allocated, put, refusal, wanted
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk, account_id
from simulator.tests.worlds import REGION, SUBSCRIPTION

FORMS = ("at_once", "async", "location", "both")


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RequestsTransport, "sleep", lambda _self, _seconds: None)


def delete(sdk: Sdk, name: str = "two") -> None:
    assert sdk.arm.accounts.begin_delete(GROUP, name).result(timeout=20) is None


def accounts(sdk: Sdk) -> list[str]:
    return [each.name for each in sdk.arm.accounts.list()]


def deleted(sdk: Sdk) -> list[Any]:
    return list(sdk.arm.deleted_accounts.list())


@pytest.mark.parametrize("form", FORMS)
def test_a_deleted_account_is_listed_apart_and_keeps_its_quota(
    sdk: Sdk, simulator: SimulatorProcess, form: str
):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_polls": 1})
    before = allocated(sdk)
    delete(sdk)
    assert accounts(sdk) == ["one"]
    [row] = deleted(sdk)
    assert row.id == (
        f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/locations/{REGION}"
        f"/resourceGroups/{GROUP}/deletedAccounts/two"
    )
    assert (row.name, row.location, row.kind) == ("two", REGION, "OpenAI")
    assert row.properties.deletion_date == "2026-03-04T10:30:00Z"
    assert row.properties.scheduled_purge_date == "2026-03-06T10:30:00Z"
    assert sdk.arm.deleted_accounts.get(REGION, GROUP, "TWO").id == row.id
    assert allocated(sdk) == before
    with pytest.raises(ResourceNotFoundError):
        sdk.arm.deployments.get(GROUP, "two", "other")


@pytest.mark.parametrize("form", FORMS)
def test_a_purge_frees_the_quota_at_once(sdk: Sdk, simulator: SimulatorProcess, form: str):
    simulator.control("POST", "/knobs", {"write_form": form, "operation_polls": 1})
    before = allocated(sdk)
    delete(sdk)
    sdk.arm.deleted_accounts.begin_purge(REGION, GROUP, "two").result(timeout=20)
    assert deleted(sdk) == []
    assert allocated(sdk) == before - 100
    assert put(sdk, "new", wanted(1900)).sku.capacity == 1900


def test_after_48_hours_it_is_gone_by_itself(sdk: Sdk, simulator: SimulatorProcess):
    before = allocated(sdk)
    delete(sdk)
    simulator.control("POST", "/clock", {"advance_seconds": 48 * 3600 - 1})
    assert (len(deleted(sdk)), allocated(sdk)) == (1, before)
    simulator.control("POST", "/clock", {"advance_seconds": 1})
    assert (deleted(sdk), allocated(sdk)) == ([], before - 100)


def test_what_is_not_there_is_deleted_and_purged_already(sdk: Sdk):
    delete(sdk, "nobody")
    sdk.arm.deleted_accounts.begin_purge(REGION, GROUP, "nobody").result(timeout=20)
    with pytest.raises(ResourceNotFoundError):
        sdk.arm.deleted_accounts.get(REGION, GROUP, "two")


def test_the_last_account_of_a_group_leaves_an_empty_group(sdk: Sdk):
    delete(sdk, "one")
    delete(sdk, "two")
    assert list(sdk.arm.accounts.list_by_resource_group(GROUP)) == []


def test_a_deleted_account_is_restored_with_its_deployments(sdk: Sdk):
    delete(sdk)
    body = m.Account(location=REGION, kind="OpenAI", sku=m.Sku(name="S0"), properties={})
    status, code, message = refusal(lambda: sdk.arm.accounts.begin_create(GROUP, "two", body))
    assert (status, code) == (409, "FlagMustBeSetForRestore")
    assert "please purge it first" in message
    body.properties = m.AccountProperties(restore=True)
    assert sdk.arm.accounts.begin_create(GROUP, "two", body).result(timeout=20).name == "two"
    assert sdk.arm.deployments.get(GROUP, "two", "other").sku.capacity == 100
    assert deleted(sdk) == []


def test_the_simulator_makes_no_new_accounts(sdk: Sdk):
    body = m.Account(location=REGION, kind="OpenAI", sku=m.Sku(name="S0"), properties={})
    assert refusal(lambda: sdk.arm.accounts.begin_create(GROUP, "three", body))[0] == 405


def test_an_account_is_not_deleted_when_the_operation_fails(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"write_form": "async"})
    simulator.control("POST", "/fail-next-operation", {"code": "InternalServerError"})
    with pytest.raises(HttpResponseError) as caught:
        sdk.arm.accounts.begin_delete(GROUP, "two").result(timeout=20)
    assert (caught.value.status_code, caught.value.error.code) == (200, "InternalServerError")
    assert accounts(sdk) == ["one", "two"]


def test_metrics_of_a_deleted_account_are_not_found(sdk: Sdk):
    delete(sdk)
    with pytest.raises(ResourceNotFoundError):
        sdk.series(["AzureOpenAIRequests"], account="two")


def test_deleting_needs_its_own_permission(sdk: Sdk, simulator: SimulatorProcess):
    actions = [
        "Microsoft.CognitiveServices/accounts/delete",
        "Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts/delete",
    ]
    simulator.control("POST", "/knobs", {"denied_actions": actions})
    message = refusal(lambda: sdk.arm.accounts.begin_delete(GROUP, "two"))[2]
    assert f"action '{actions[0]}' over scope '{account_id('two')}'" in message
    purge = sdk.arm.deleted_accounts.begin_purge
    assert actions[1] in refusal(lambda: purge(REGION, GROUP, "two"))[2]
