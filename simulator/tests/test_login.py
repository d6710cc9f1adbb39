"""Sign-in of an app registration, other identities, revoked tokens and clocks that differ."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import (
    ClientAssertionCredential,
    ClientSecretCredential,
    ManagedIdentityCredential,
    WorkloadIdentityCredential,
)
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient

from simulator.tests.bare import ACCOUNTS, ARM
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import Sdk
from simulator.tests.worlds import SUBSCRIPTION

FEDERATED = "api://AzureADTokenExchange"
IDENTITY = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity"
    "/userAssignedIdentities/portal"
)


def claims_of(text: str) -> dict[str, Any]:
    """What a token says."""
    claims: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return claims


def assertion(audience: str = FEDERATED, seconds: float = 60) -> str:
    """What a cluster gives its workloads."""
    claims = {"aud": audience, "sub": "system:serviceaccount:a:b", "exp": time.time() + seconds}
    return jwt.encode(claims, "a key of the cluster that nobody checks", "HS256")


@pytest.fixture
def app(sdk: Sdk, simulator: SimulatorProcess) -> dict[str, Any]:
    """How the SDK's credentials find this simulator instead of Microsoft's."""
    ready = simulator.ready
    return {
        "tenant_id": ready["tenant_id"],
        "client_id": ready["client_id"],
        "authority": ready["authority_host"],
        "disable_instance_discovery": True,
    }


def test_a_client_secret_gets_a_token_that_arm_takes(
    app: dict[str, Any], simulator: SimulatorProcess
):
    credential = ClientSecretCredential(client_secret=simulator.ready["client_secret"], **app)
    arm = CognitiveServicesManagementClient(
        credential,
        SUBSCRIPTION,
        base_url=simulator.ready["arm_endpoint"],
        credential_scopes=[f"{ARM}/.default"],
        retry_total=0,
    )
    assert len(list(arm.accounts.list())) == 2
    claims = claims_of(credential.get_token(f"{ARM}/.default").token)
    assert (claims["aud"], claims["appid"]) == (ARM, app["client_id"])
    assert {row["plane"] for row in simulator.control("GET", "/log")} == {"login", "arm"}


def test_a_workload_identity_signs_in_with_its_token_file(app: dict[str, Any], tmp_path: Path):
    file = tmp_path / "token"
    file.write_text(assertion())
    credential = WorkloadIdentityCredential(token_file_path=str(file), **app)
    assert claims_of(credential.get_token(f"{ARM}/.default").token)["aud"] == ARM


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (assertion("https://elsewhere"), 700212),
        (assertion(seconds=-60), 700024),
        ("not.a.token", 50027),
    ],
)
def test_a_wrong_assertion_is_refused_with_entras_number(
    app: dict[str, Any], text: str, number: int
):
    credential = ClientAssertionCredential(func=lambda: text, **app)
    with pytest.raises(ClientAuthenticationError, match=f"AADSTS{number}"):
        credential.get_token(f"{ARM}/.default")


@pytest.mark.parametrize(
    ("changes", "status", "error", "number"),
    [
        ({"client_secret": "wrong"}, 401, "invalid_client", 7000215),
        ({"client_secret": None}, 401, "invalid_client", 7000218),
        ({"client_id": "another"}, 400, "unauthorized_client", 700016),
        ({"client_id": None}, 400, "invalid_request", 900144),
        ({"grant_type": "password"}, 400, "unsupported_grant_type", 70003),
        ({"scope": ARM}, 400, "invalid_scope", 1002012),
        ({"scope": "https://nowhere/.default"}, 400, "invalid_resource", 500011),
    ],
)
def test_a_wrong_sign_in_is_refused_in_entras_form(
    simulator: SimulatorProcess, changes: dict[str, Any], status: int, error: str, number: int
):
    ready = simulator.ready
    form = {
        "grant_type": "client_credentials", "client_id": ready["client_id"],
        "client_secret": ready["client_secret"], "scope": f"{ARM}/.default", **changes,
    }  # fmt: skip
    sent = {name: value for name, value in form.items() if value is not None}
    with simulator.http() as http:
        answer = http.post(f"/{ready['tenant_id']}/oauth2/v2.0/token", data=sent)
    content = answer.json()
    assert (answer.status_code, content["error"]) == (status, error)
    assert content["error_codes"] == [number]
    assert content["error_description"].startswith(f"AADSTS{number}: ")


def test_another_tenant_is_not_found(simulator: SimulatorProcess):
    with simulator.http() as http:
        for answer in (
            http.get("/another/v2.0/.well-known/openid-configuration"),
            http.post("/another/oauth2/v2.0/token", data={}),
        ):
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_tenant")


def test_the_configuration_names_the_token_endpoint_on_the_simulators_own_host(
    simulator: SimulatorProcess,
):
    ready = simulator.ready
    tenant = ready["tenant_id"]
    with simulator.http() as http:
        found = http.get(f"/{tenant}/v2.0/.well-known/openid-configuration").json()
    assert found["token_endpoint"] == f"{ready['authority_host']}/{tenant}/oauth2/v2.0/token"
    with simulator.http() as http:  # MSAL for JavaScript insists on this one
        assert http.get(found["jwks_uri"]).json() == {"keys": []}
    assert found["issuer"] == f"{ready['authority_host']}/{tenant}/v2.0"


@pytest.mark.parametrize(
    "identity", [{"client_id": "11111111-aaaa"}, {"identity_config": {"resource_id": IDENTITY}}]
)
def test_a_user_assigned_identity_is_another_principal(
    sdk: Sdk, simulator: SimulatorProcess, identity: dict[str, Any]
):
    own = claims_of(ManagedIdentityCredential().get_token(f"{ARM}/.default").token)
    simulator.control(
        "POST", "/knobs", {"user_assigned_identities": ["11111111-AAAA", IDENTITY.lower()]}
    )
    other = claims_of(ManagedIdentityCredential(**identity).get_token(f"{ARM}/.default").token)
    assert other["oid"] != own["oid"]
    denied = ["Microsoft.CognitiveServices/accounts/read"]
    simulator.control("POST", "/knobs", {"denied_actions": denied})
    arm = CognitiveServicesManagementClient(
        ManagedIdentityCredential(**identity), SUBSCRIPTION, retry_total=0,
        base_url=simulator.ready["arm_endpoint"], credential_scopes=[f"{ARM}/.default"],
    )  # fmt: skip
    with pytest.raises(HttpResponseError, match=f"with object id '{other['oid']}' does not have"):
        list(arm.accounts.list())


def test_an_identity_that_is_not_assigned_is_refused_as_app_service_does(
    simulator: SimulatorProcess,
):
    simulator.control("POST", "/knobs", {"user_assigned_identities": ["one"]})
    answer = httpx.get(
        simulator.ready["identity_endpoint"],
        params={"resource": ARM, "client_id": "two"},
        headers={"X-IDENTITY-HEADER": simulator.ready["identity_header"]},
    )
    assert (answer.status_code, answer.json()["statusCode"]) == (400, 400)
    assert "No User Assigned or Delegated Managed Identity found" in answer.json()["message"]


def test_a_revoked_token_meets_a_claims_challenge_and_the_sdk_gets_a_new_one(
    sdk: Sdk, simulator: SimulatorProcess
):
    assert len(list(sdk.arm.accounts.list())) == 2
    simulator.control("DELETE", "/log")
    simulator.control("POST", "/tokens/revoke")
    assert len(list(sdk.arm.accounts.list())) == 2
    rows = [(row["plane"], row["status"]) for row in simulator.control("GET", "/log")]
    assert rows == [("arm", 401), ("identity", 200), ("arm", 200)]


def test_the_claims_challenge_has_microsofts_form(simulator: SimulatorProcess):
    token = simulator.token(ARM)
    simulator.control("POST", "/tokens/revoke")
    with simulator.http() as http:
        headers = {"Authorization": f"Bearer {token}"}
        answer = http.get(f"{ACCOUNTS}?api-version=1", headers=headers)
    challenge = answer.headers["www-authenticate"]
    assert answer.status_code == 401
    assert challenge.startswith('Bearer realm="", authorization_uri="https://login.')
    assert 'error="insufficient_claims", claims="' in challenge


def test_a_token_of_a_clock_that_is_ahead_is_not_good_yet(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"token_not_before_seconds": 300})
    with simulator.http() as http:
        headers = {"Authorization": f"Bearer {simulator.token(ARM)}"}
        answer = http.get(f"{ACCOUNTS}?api-version=1", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
    assert "not valid before UTC time" in answer.json()["error"]["message"]
