"""Tokens: the App Service protocol, one audience per plane, refused when wrong or expired."""

from __future__ import annotations

import time

import httpx
import jwt
import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.identity import DefaultAzureCredential

from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import Sdk
from simulator.tests.worlds import SUBSCRIPTION

ARM, METRICS = "https://management.azure.com", "https://metrics.monitor.azure.com"
ARM_PATH = (
    f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.CognitiveServices/accounts?api-version=1"
)
METRICS_PATH = f"/metrics/eastus2/subscriptions/{SUBSCRIPTION}/metrics:getBatch?api-version=1"


def refusal(
    simulator: SimulatorProcess, token: str | None, method: str = "GET", path: str = ARM_PATH
) -> str:
    """The error code of a refused call, which must be 401 in ARM's form."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    with simulator.http() as http:
        answer = http.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")
    assert answer.json()["error"]["message"]
    return str(answer.json()["error"]["code"])


def test_default_azure_credential_gets_a_token_for_its_scope(sdk: Sdk):
    token = DefaultAzureCredential().get_token(f"{ARM}/.default")
    claims = jwt.decode(token.token, options={"verify_signature": False})
    assert claims["aud"] == ARM
    assert token.expires_on == claims["exp"]
    assert 3500 < token.expires_on - time.time() <= 3600


def test_a_client_asks_for_its_token_once(sdk: Sdk, simulator: SimulatorProcess):
    for _ in range(3):
        list(sdk.arm.accounts.list())
    asked = [row for row in simulator.control("GET", "/log") if row["path"].startswith("/msi")]
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("method", "path", "wrong"), [("GET", ARM_PATH, METRICS), ("POST", METRICS_PATH, ARM)]
)
def test_a_token_for_another_plane_is_refused(
    simulator: SimulatorProcess, method: str, path: str, wrong: str
):
    code = refusal(simulator, simulator.token(wrong), method, path)
    assert code == "InvalidAuthenticationTokenAudience"


def test_no_token_a_foreign_token_and_an_expired_one_are_refused(simulator: SimulatorProcess):
    assert refusal(simulator, None) == "AuthenticationFailed"
    foreign = jwt.encode({"aud": ARM, "exp": time.time() + 60}, "another key" * 5, "HS256")
    assert refusal(simulator, foreign) == "InvalidAuthenticationToken"
    assert refusal(simulator, "not.a.token") == "InvalidAuthenticationToken"
    simulator.control("POST", "/knobs", {"token_seconds": 0})
    assert refusal(simulator, simulator.token(ARM)) == "ExpiredAuthenticationToken"


def test_the_sdk_reports_a_wrong_audience_as_an_authentication_error(
    sdk: Sdk, simulator: SimulatorProcess
):
    wrong = type(sdk.metrics)(
        simulator.ready["metrics_endpoint"].format(region="eastus2"),
        DefaultAzureCredential(),
        audience=ARM,
    )
    sdk.metrics = wrong
    with pytest.raises(ClientAuthenticationError, match="wrong audience"):
        sdk.series(["AzureOpenAIRequests"])


@pytest.mark.parametrize(
    ("headers", "resource", "status"),
    [({"X-IDENTITY-HEADER": "wrong"}, ARM, 401), ({}, ARM, 401), (None, "", 400)],
)
def test_the_token_endpoint_wants_its_header_and_a_resource(
    simulator: SimulatorProcess, headers: dict[str, str] | None, resource: str, status: int
):
    good = {"X-IDENTITY-HEADER": simulator.ready["identity_header"]}
    answer = httpx.get(
        simulator.ready["identity_endpoint"],
        params={"resource": resource},
        headers=good if headers is None else headers,
    )
    assert answer.status_code == status
    assert answer.json()["statusCode"] == status


def test_arm_is_not_served_over_plain_http(simulator: SimulatorProcess):
    base = simulator.ready["identity_endpoint"].removesuffix("/msi/token")
    answer = httpx.get(base + ARM_PATH)
    assert answer.status_code == 404
