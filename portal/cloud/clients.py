"""The SDK clients, one per process and subscription (ARM) or region (metrics).

Endpoints come from settings (`AZURE_ARM_ENDPOINT`, `AZURE_METRICS_ENDPOINT`), so a simulated Azure
differs from the real one in environment only; the token audiences follow from the cloud alone
(`portal.cloud.clouds`), so that a wrong endpoint never gets a token meant for another plane. The
chain of policies is written out here rather than left to the SDK's default, which would register
resource providers by itself, follow redirects with the token, and retry as `portal.cloud.retry`
says it should not.
"""

import logging
import os
from functools import cache
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.pipeline import policies
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.monitor.querymetrics import MetricsClient
from django.conf import settings

from portal.cloud.clouds import CLOUDS, Cloud
from portal.cloud.credentials import CONNECT_TIMEOUT_SECONDS, credential
from portal.cloud.retry import OneSendBearer, PatientRetry

READ_TIMEOUT_SECONDS = 60
USER_AGENT = "headroom"

# Two INFO lines for each request otherwise; an operator may still ask for them in LOGGING.
if logging.getLogger("azure").level == logging.NOTSET:
    logging.getLogger("azure").setLevel(logging.WARNING)


def cloud() -> Cloud:
    """The Azure of this installation."""
    return CLOUDS[settings.HEADROOM_AZURE_CLOUD]


def arm_client(subscription_id: str) -> CognitiveServicesManagementClient:
    """This process's Azure Resource Manager client of one subscription."""
    return _arm_client(os.getpid(), settings.AZURE_ARM_ENDPOINT, subscription_id)


def metrics_client(region: str) -> MetricsClient:
    """This process's client of one region's metrics (`region` in lower case, without blanks)."""
    endpoint = settings.AZURE_METRICS_ENDPOINT.replace("{region}", region)
    return _metrics_client(os.getpid(), endpoint)


@cache
def _arm_client(
    _pid: int, endpoint: str, subscription_id: str
) -> CognitiveServicesManagementClient:
    return build_arm_client(credential(), endpoint, subscription_id)


@cache
def _metrics_client(_pid: int, endpoint: str) -> MetricsClient:
    return build_metrics_client(credential(), endpoint)


def build_arm_client(
    token_credential: TokenCredential, endpoint: str, subscription_id: str, **overrides: Any
) -> CognitiveServicesManagementClient:
    scope = f"{cloud().arm_audience}/.default"
    options = _timeouts() | overrides
    return CognitiveServicesManagementClient(
        token_credential,
        subscription_id,
        base_url=endpoint,
        credential_scopes=[scope],
        # Lists and resources: the SDK reads their JSON where this policy leaves it.
        policies=_chain(token_credential, scope, policies.ContentDecodePolicy()),
        **options,
    )


def build_metrics_client(
    token_credential: TokenCredential, endpoint: str, **overrides: Any
) -> MetricsClient:
    audience = cloud().metrics_audience
    options = _timeouts() | overrides
    return MetricsClient(
        endpoint,
        token_credential,
        audience=audience,
        # No ContentDecodePolicy: megabytes of points would be parsed once in vain.
        policies=_chain(token_credential, f"{audience}/.default"),
        **options,
    )


def forget_clients() -> None:
    """Drops this process's clients, tokens included (tests, changed identity)."""
    _arm_client.cache_clear()
    _metrics_client.cache_clear()


def _timeouts() -> dict[str, Any]:
    return {"connection_timeout": CONNECT_TIMEOUT_SECONDS, "read_timeout": READ_TIMEOUT_SECONDS}


def _chain(token_credential: TokenCredential, scope: str, *decoding: Any) -> list[Any]:
    return [
        policies.RequestIdPolicy(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy(sdk_moniker=USER_AGENT),
        policies.ProxyPolicy(),
        *decoding,
        PatientRetry(),
        OneSendBearer(token_credential, scope),
        policies.CustomHookPolicy(),
        policies.NetworkTraceLoggingPolicy(),
        policies.HttpLoggingPolicy(),
    ]
