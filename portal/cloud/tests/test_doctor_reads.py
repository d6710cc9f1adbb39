"""The doctor's reading checks against the simulated Azure: all well, and each right missing."""

from typing import Any

import pytest
from azure.core.pipeline.transport import RequestsTransport

from portal.cloud.credentials import forget_credentials
from portal.cloud.doctor import rights
from portal.cloud.tests.doctor_world import (
    ACCOUNT,
    SCOPE,
    SUBSCRIPTION,
    by_check,
    deny,
    examined,
    failures,
    requests_seen,
)
from portal.kernel.findings import Outcome
from stack.simulator_process import SimulatorProcess


def test_all_is_well_and_nothing_is_written(simulator: SimulatorProcess) -> None:
    found = by_check(examined())
    assert failures([one for each in found.values() for one in each]) == []
    assert [one.subject for one in found["azure.accounts"]] == [SUBSCRIPTION]
    assert found["azure.accounts"][0].facts == {
        "accounts": 2,
        "regions": ["eastus2", "swedencentral"],
    }
    assert {one.facts["deployments"] for one in found["azure.deployments"]} == {4, 2}
    assert len(found["azure.usages"]) == len(found["azure.models"]) == 2
    assert found["azure.pools"][0].facts == {"deployments": 6, "without_pool": []}
    assert [one.outcome for one in found["azure.metrics"]] == [Outcome.OK, Outcome.OK]
    assert found["azure.write"][0].outcome is Outcome.NOT_TRIED
    assert requests_seen(simulator, "PATCH") == []


def test_the_line_about_writing_names_a_deployment_to_try(simulator: SimulatorProcess) -> None:
    [write] = by_check(examined())["azure.write"]
    assert write.facts["example_deployment"] == f"{ACCOUNT}/deployments/idle"  # the smallest
    assert f"doctor --write {ACCOUNT}/deployments/idle" in write.sentence


@pytest.mark.parametrize(
    ("check", "right"),
    [
        ("azure.accounts", rights.ACCOUNTS),
        ("azure.deployments", rights.DEPLOYMENTS),
        ("azure.usages", rights.USAGES),
        ("azure.models", rights.MODELS),
        ("azure.metrics", rights.METRICS),
    ],
)
def test_a_missing_right_fails_its_own_check_and_names_role_and_action(
    simulator: SimulatorProcess, check: str, right: rights.Right
) -> None:
    simulator.control("POST", "/knobs", {"denied_actions": [right.action]})
    found = failures(examined())
    assert {failure.check for failure in found} == {check}
    for failure in found:
        assert failure.fix == right.fix(SCOPE)
        assert right.role in failure.fix
        assert right.action in failure.fix
        assert "403 AuthorizationFailed" in failure.sentence
        assert (failure.facts["status"], failure.facts["right"]) == (403, right.action)


def test_only_the_account_that_is_refused_fails(simulator: SimulatorProcess) -> None:
    deny(simulator, "GET .*contoso-east/deployments")
    [failure] = failures(examined())
    assert failure.subject == ACCOUNT


def test_without_the_accounts_nothing_else_of_the_subscription_is_tried(
    simulator: SimulatorProcess,
) -> None:
    deny(simulator, "GET .*CognitiveServices/accounts\\?")
    found = by_check(examined())
    assert "nothing else was tried there" in found["azure.accounts"][0].sentence
    assert not {"azure.deployments", "azure.usages", "azure.metrics"} & set(found)


def test_a_quota_tier_that_may_not_be_read_is_no_failure(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"denied_actions": [rights.QUOTA_TIERS.action]})
    findings = examined()
    [tier] = by_check(findings)["azure.quota_tier"]
    assert failures(findings) == []
    assert tier.outcome is Outcome.WARNING
    assert rights.QUOTA_TIERS.action in tier.fix


def test_a_subscription_that_azure_does_not_know(simulator: SimulatorProcess) -> None:
    [failure] = failures(examined(subscription="99999999-9999-4999-8999-999999999999"))
    assert failure.check == "azure.accounts"
    assert "knows no such subscription (404 SubscriptionNotFound)" in failure.sentence
    assert "HEADROOM_SUBSCRIPTIONS" in failure.fix


@pytest.mark.parametrize(
    ("status", "body", "words", "remedy"),
    [
        (401, {"code": "InvalidAuthenticationTokenTenant"}, "another tenant", "AZURE_TENANT_ID"),
        (401, {"code": "ExpiredAuthenticationToken"}, "counts as expired", "clock"),
        (403, {"code": "RequestDisallowedByPolicy"}, "refuses", "Azure Policy"),
        (404, {"code": "ResourceNotFound"}, "does not find it", "deleted"),
        (429, {"code": "TooManyRequests"}, "is throttling", "Try again"),
        (500, {"code": "InternalServerError"}, "failed by itself", "status page"),
        (403, "<html>No.</html>", "as a proxy or a firewall answers", "proxy"),
        (404, "<html>No.</html>", "nobody plays this call", "AZURE_ARM_ENDPOINT"),
        (502, "<html>No.</html>", "as a proxy answers", "proxy"),
    ],
)
def test_each_kind_of_refusal_has_words_of_its_own(
    simulator: SimulatorProcess,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    body: Any,
    words: str,
    remedy: str,
) -> None:
    no_sleep(monkeypatch)
    content = body if isinstance(body, str) else {"error": {**body, "message": "No."}}
    fault = {"match": "GET .*CognitiveServices/accounts", "status": status, "times": 0}
    # A wait that is too long for us is told at once.
    fault |= {"body": content, "headers": {"Retry-After": "300"} if status == 429 else {}}
    simulator.control("POST", "/faults", fault)
    [failure] = failures(examined())
    assert words in failure.sentence
    assert remedy in failure.fix
    assert "\n" not in failure.sentence + failure.fix


def no_sleep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.cloud.retry._backoff_seconds", lambda _attempt: 0.0)


def test_an_account_without_deployments_is_told(simulator: SimulatorProcess) -> None:
    fault = {"match": "GET .*contoso-north/deployments", "status": 200, "body": {"value": []}}
    simulator.control("POST", "/faults", fault)
    empty = [one for one in examined() if one.facts.get("deployments") == 0]
    assert [one.outcome for one in empty] == [Outcome.WARNING]
    assert "contoso-north (swedencentral) has no deployment yet" in empty[0].sentence


def test_no_account_at_all_points_at_the_scope_of_the_role(simulator: SimulatorProcess) -> None:
    fault = {"match": "GET .*CognitiveServices/accounts\\?", "status": 200, "body": {"value": []}}
    simulator.control("POST", "/faults", fault)
    findings = examined()
    [accounts] = by_check(findings)["azure.accounts"]
    assert failures(findings) == []
    assert accounts.outcome is Outcome.WARNING
    assert f"on the whole {SCOPE}" in accounts.fix


def test_a_deployment_whose_quota_row_is_not_listed(simulator: SimulatorProcess) -> None:
    fault = {"match": "GET .*swedencentral/usages", "status": 200, "body": {"value": []}}
    simulator.control("POST", "/faults", fault)
    [pools] = by_check(examined())["azure.pools"]
    assert pools.outcome is Outcome.WARNING
    assert pools.facts["without_pool"] == ["search", "code"]


def test_one_metric_that_fails_inside_a_good_answer(simulator: SimulatorProcess) -> None:
    errors = {"GeneratedTokens": {"errorCode": "Throttled", "errorMessage": "Later."}}
    simulator.control("POST", "/knobs", {"metric_errors": errors})
    metrics = by_check(examined())["azure.metrics"]
    assert {one.outcome for one in metrics} == {Outcome.WARNING}
    assert "generatedtokens" in metrics[0].sentence


def test_only_the_first_accounts_stand_for_many(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.cloud.doctor.subscriptions.ACCOUNTS_TRIED", 1)
    found = by_check(examined())
    assert [one.outcome for one in found["azure.deployments"]] == [Outcome.OK, Outcome.NOT_TRIED]
    assert "azure.pools" not in found  # the other accounts' deployments are unknown


def test_no_token_stops_the_azure_side_with_the_identitys_own_words(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    forget_credentials()
    findings = examined()
    assert [one.check for one in failures(findings)] == ["azure.token_arm", "azure.token_metrics"]
    found = by_check(findings)
    assert found["azure.accounts"][0].outcome is Outcome.NOT_TRIED
    assert "managed identity" in found["azure.token_arm"][0].fix


def test_an_identity_endpoint_that_is_not_there(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", "http://127.0.0.1:9/msi/token")
    monkeypatch.setattr(RequestsTransport, "sleep", lambda _self, _seconds: None)
    forget_credentials()
    assert {one.check for one in failures(examined())} == {"azure.token_arm", "azure.token_metrics"}


def test_a_token_for_another_cloud_is_told_as_such(
    simulator: SimulatorProcess, settings: Any
) -> None:
    settings.HEADROOM_AZURE_CLOUD = "us_government"
    failure = next(one for one in failures(examined()) if one.check == "azure.accounts")
    assert "meant for another service or cloud" in failure.sentence
    assert "HEADROOM_AZURE_CLOUD" in failure.fix


def test_the_identity_is_named_and_its_token_is_not(simulator: SimulatorProcess) -> None:
    findings = examined()
    [identity] = by_check(findings)["azure.identity"]
    [token] = by_check(findings)["azure.token_arm"]
    assert identity.facts["object_id"] in identity.sentence
    assert token.facts["credential"] == "ManagedIdentityCredential"
    assert not any("eyJ" in f"{one}" for one in findings)  # how every JWT begins
