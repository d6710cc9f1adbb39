"""One setting picks the Azure: addresses, audiences and sign-in host all follow from it."""

import os
import subprocess
import sys

import pytest
from azure.core import AzureClouds
from azure.identity import AzureAuthorityHosts
from azure.mgmt.core.tools import get_arm_endpoints

from portal.cloud.clients import build_arm_client, build_logs_client, build_metrics_client
from portal.cloud.clouds import CLOUDS
from portal.cloud.credentials import credential, forget_credentials
from portal.cloud.tests.canned import SUBSCRIPTION, AnyToken

OF_THE_SDK = {
    "public": (AzureClouds.AZURE_PUBLIC_CLOUD, AzureAuthorityHosts.AZURE_PUBLIC_CLOUD),
    "us_government": (AzureClouds.AZURE_US_GOVERNMENT, AzureAuthorityHosts.AZURE_GOVERNMENT),
    "china": (AzureClouds.AZURE_CHINA_CLOUD, AzureAuthorityHosts.AZURE_CHINA),
}
SHOW = (
    "from portal import settings as s;"
    "print(s.AZURE_ARM_ENDPOINT, s.AZURE_METRICS_ENDPOINT, s.AZURE_AUTHORITY_HOST,"
    " s.AZURE_LOGS_ENDPOINT)"
)


def started_with(**variables: str) -> subprocess.CompletedProcess[str]:
    """The settings as a fresh process reads them."""
    ambient = {name: value for name, value in os.environ.items() if not name.startswith("AZURE_")}
    return subprocess.run(
        [sys.executable, "-c", SHOW],
        env={**ambient, "HEADROOM_MODE": "test", **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", CLOUDS)
def test_resource_manager_and_sign_in_are_those_of_the_sdks(name: str) -> None:
    setting, authority = OF_THE_SDK[name]
    of_the_sdk = get_arm_endpoints(setting)
    cloud = CLOUDS[name]
    assert cloud.arm_endpoint == of_the_sdk["resource_manager"].rstrip("/")
    assert [f"{cloud.arm_audience}/.default"] == of_the_sdk["credential_scopes"]
    assert cloud.authority == f"https://{authority}"


@pytest.mark.parametrize("name", CLOUDS)
def test_each_plane_asks_for_a_token_of_its_cloud(name: str, settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    settings.HEADROOM_AZURE_CLOUD = name
    asked: list[str] = []

    class Asked(AnyToken):
        def get_token_info(self, *scopes: str, **_: object):  # type: ignore[no-untyped-def]
            asked.extend(scopes)
            raise InterruptedError  # enough: nothing is to be sent

    arm = build_arm_client(Asked(), CLOUDS[name].arm_endpoint, SUBSCRIPTION)
    with pytest.raises(InterruptedError):
        arm.deployments.get("rg", "account", "chat")
    metrics = build_metrics_client(Asked(), CLOUDS[name].metrics_endpoint.format(region="x"))
    with pytest.raises(InterruptedError):
        metrics.query_resources(
            resource_ids=[f"/subscriptions/{SUBSCRIPTION}/a"],
            metric_namespace="n",
            metric_names=["m"],
        )
    logs = build_logs_client(Asked(), CLOUDS[name].logs_endpoint)
    with pytest.raises(InterruptedError):
        logs.query_workspace("w", "q", timespan=None)
    cloud = CLOUDS[name]
    audiences = [cloud.arm_audience, cloud.metrics_audience, cloud.logs_audience]
    assert asked == [f"{audience}/.default" for audience in audiences]


def test_an_app_registration_signs_in_at_the_clouds_own_host(settings, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    settings.AZURE_AUTHORITY_HOST = CLOUDS["china"].authority
    for name in ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        monkeypatch.setenv(name, "11111111-1111-4111-8111-111111111111")
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "EnvironmentCredential")
    forget_credentials()
    [member] = credential().credentials  # type: ignore[attr-defined]
    assert member._credential._client_credential is not None
    assert CLOUDS["china"].authority in member._credential._authority
    forget_credentials()


def test_the_addresses_follow_the_setting_unless_they_are_named() -> None:
    gov = CLOUDS["us_government"]
    answer = started_with(HEADROOM_AZURE_CLOUD="us_government")
    addresses = [gov.arm_endpoint, gov.metrics_endpoint, gov.authority, gov.logs_endpoint]
    assert answer.stdout.split() == addresses
    named = started_with(HEADROOM_AZURE_CLOUD="China", AZURE_ARM_ENDPOINT="https://arm.internal/")
    assert named.stdout.split()[0] == "https://arm.internal"
    assert named.stdout.split()[1] == CLOUDS["china"].metrics_endpoint


def test_a_cloud_that_there_is_not_ends_the_start_with_a_sentence() -> None:
    answer = started_with(HEADROOM_AZURE_CLOUD="germany")
    assert answer.returncode != 0
    assert (
        "HEADROOM_AZURE_CLOUD: is 'germany'; it must be one of: public, us_government, china."
        in (answer.stderr)
    )
