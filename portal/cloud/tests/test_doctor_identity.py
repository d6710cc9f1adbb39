"""What is told about the identity, and what never is."""

import base64
import json

import pytest

from portal.cloud.credentials import forget_credentials
from portal.cloud.doctor import identity
from portal.kernel.findings import Outcome


def token_with(**claims: str) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJub25lIn0.{middle}.signature"


def test_a_managed_identity_is_named_by_object_id_application_and_tenant() -> None:
    finding = identity.examine_claims(
        token_with(oid="oid-1", appid="app-1", tid="tenant-1", xms_mirid="/subscriptions/x/y")
    )
    assert finding.facts == {
        "object_id": "oid-1",
        "application_id": "app-1",
        "tenant_id": "tenant-1",
        "managed_identity_resource_id": "/subscriptions/x/y",
    }
    assert finding.sentence == (
        "The identity to give roles to: object id oid-1, application app-1, tenant tenant-1."
    )


def test_tokens_of_version_2_call_the_application_azp() -> None:
    finding = identity.examine_claims(token_with(oid="oid-1", azp="app-2", tid="tenant-1"))
    assert finding.facts["application_id"] == "app-2"


@pytest.mark.parametrize("token", ["", "opaque", "a.b.c", "a.!!!.c", token_with(tid="tenant-1")])
def test_a_token_that_says_nothing_of_us_is_no_failure(token: str) -> None:
    assert identity.examine_claims(token).outcome is Outcome.WARNING


@pytest.mark.parametrize(
    ("value", "outcome"),
    [
        ("", Outcome.WARNING),
        ("prod", Outcome.WARNING),
        ("ManagedIdentityCredential", Outcome.OK),
    ],
)
def test_one_source_of_credentials_should_be_named(
    monkeypatch: pytest.MonkeyPatch, value: str, outcome: Outcome
) -> None:
    monkeypatch.setenv(identity.PIN, value)
    finding = identity.examine_pin()
    assert finding.outcome is outcome
    assert bool(finding.fix) is (outcome is Outcome.WARNING)


def test_a_source_of_credentials_that_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(identity.PIN, "MagicCredential")
    forget_credentials()
    finding, token = identity.examine_token("azure.token_arm", "ARM", "https://arm.example")
    forget_credentials()
    assert token == ""
    assert finding.outcome is Outcome.FAILED
    assert "magiccredential" in finding.sentence
    assert finding.fix == identity.PIN_FIX


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        ("AADSTS7000215: Invalid client secret provided.", "AZURE_CLIENT_SECRET is wrong"),
        ("AADSTS7000222: The provided client secret keys are expired.", "has expired"),
        ("AADSTS700016: Application not found.", "AZURE_CLIENT_ID"),
        ("AADSTS700213: No matching federated identity record.", "issuer and subject"),
        ("ManagedIdentityCredential: no response from the IMDS endpoint.", "managed identity"),
        ("Something new.", ""),
    ],
)
def test_what_entra_answers_becomes_a_next_step(said: str, fix: str) -> None:
    found = identity._fix_of(said)
    assert fix in found
    assert bool(found) is bool(fix)
