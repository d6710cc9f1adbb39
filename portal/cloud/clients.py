"""The SDK clients, one per process and subscription (ARM) or region (metrics), and one for logs.

Endpoints come from settings (`AZURE_ARM_ENDPOINT` and its like), so a simulated Azure differs from
the real one in environment only; the token audiences follow from the cloud alone
(`portal.cloud.clouds`), so that a wrong endpoint never gets a token meant for another plane. The
chain of policies is written out here rather than left to the SDK's default, which would register
resource providers by itself, follow redirects with the token, and retry as `portal.cloud.retry`
says it should not.
"""

import logging
import os
from functools import cache
from typing import TYPE_CHECKING, Any

from azure.core.credentials import TokenCredential
from azure.core.pipeline import policies
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.monitor.query import LogsQueryClient
from azure.monitor.querymetrics import MetricsClient
from django.conf import settings

from portal.cloud.clouds import CLOUDS, Cloud
from portal.cloud.credentials import CONNECT_TIMEOUT_SECONDS, credential
from portal.cloud.endpoints import (
    Endpoint,
    Plane,
    arm_endpoint,
    logs_endpoint,
    metrics_endpoint,
)
from portal.cloud.policies import Gate, Meter, OurRequestId
from portal.cloud.retry import OneSendBearer, PatientRetry
from portal.cloud.transport import close_connections, transport

if TYPE_CHECKING:
    from azure.mgmt.apimanagement import ApiManagementClient

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
    return _arm_client(os.getpid(), arm_endpoint().address, subscription_id)


def gateways_client(subscription_id: str) -> "ApiManagementClient":
    """This process's client of the API Management services of one subscription."""
    return _gateways_client(os.getpid(), arm_endpoint().address, subscription_id)


def metrics_client(region: str) -> MetricsClient:
    """This process's client of one region's metrics (`region` in lower case, without blanks)."""
    return _metrics_client(os.getpid(), metrics_endpoint(region).address)


def logs_client() -> LogsQueryClient:
    """This process's client of Log Analytics, for all workspaces."""
    return _logs_client(os.getpid(), logs_endpoint().address)


@cache
def _arm_client(
    _pid: int, endpoint: str, subscription_id: str
) -> CognitiveServicesManagementClient:
    return build_arm_client(credential(), endpoint, subscription_id)


@cache
def _gateways_client(_pid: int, endpoint: str, subscription_id: str) -> "ApiManagementClient":
    return build_gateways_client(credential(), endpoint, subscription_id)


@cache
def _metrics_client(_pid: int, endpoint: str) -> MetricsClient:
    return build_metrics_client(credential(), endpoint)


@cache
def _logs_client(_pid: int, endpoint: str) -> LogsQueryClient:
    return build_logs_client(credential(), endpoint)


def build_arm_client(
    token_credential: TokenCredential, endpoint: str, subscription_id: str, **overrides: Any
) -> CognitiveServicesManagementClient:
    options = _arm_options(token_credential, endpoint) | overrides
    return CognitiveServicesManagementClient(token_credential, subscription_id, **options)


def build_gateways_client(
    token_credential: TokenCredential, endpoint: str, subscription_id: str, **overrides: Any
) -> "ApiManagementClient":
    # Loaded at first use: a tenth of a second and 28 MiB, for those who set limits at a gateway.
    from azure.mgmt.apimanagement import ApiManagementClient

    options = _arm_options(token_credential, endpoint) | overrides
    return ApiManagementClient(token_credential, subscription_id, **options)


def build_metrics_client(
    token_credential: TokenCredential, endpoint: str, **overrides: Any
) -> MetricsClient:
    audience = cloud().metrics_audience
    options = {"transport": _transport()} | overrides
    return MetricsClient(
        endpoint,
        token_credential,
        audience=audience,
        # No ContentDecodePolicy: megabytes of points would be parsed once in vain.
        policies=_chain(
            Endpoint(Plane.METRICS, endpoint), token_credential, f"{audience}/.default"
        ),
        **options,
    )


def build_logs_client(
    token_credential: TokenCredential, endpoint: str, **overrides: Any
) -> LogsQueryClient:
    audience = cloud().logs_audience
    options = {"transport": _transport()} | overrides
    return LogsQueryClient(
        token_credential,
        endpoint=endpoint,
        audience=audience,  # else the SDK asks for a token for the endpoint
        policies=_chain(Endpoint(Plane.LOGS, endpoint), token_credential, f"{audience}/.default"),
        **options,
    )


def forget_clients() -> None:
    """Drops this process's clients, tokens included, and closes their sockets (tests, changed
    identity)."""
    _arm_client.cache_clear()
    _gateways_client.cache_clear()
    _metrics_client.cache_clear()
    _logs_client.cache_clear()
    close_connections()


def _arm_options(token_credential: TokenCredential, endpoint: str) -> dict[str, Any]:
    """What every client of Resource Manager is built with."""
    scope = f"{cloud().arm_audience}/.default"
    # Lists and resources: the SDK reads their JSON where this policy leaves it.
    decoding = policies.ContentDecodePolicy()
    return {
        "base_url": endpoint,
        "credential_scopes": [scope],
        "policies": _chain(Endpoint(Plane.ARM, endpoint), token_credential, scope, decoding),
        "transport": _transport(),
    }


def _transport() -> Any:
    return transport(connect_seconds=CONNECT_TIMEOUT_SECONDS, read_seconds=READ_TIMEOUT_SECONDS)


def _chain(
    endpoint: Endpoint, token_credential: TokenCredential, scope: str, *decoding: Any
) -> list[Any]:
    return [
        OurRequestId(),
        policies.HeadersPolicy(),
        policies.UserAgentPolicy(sdk_moniker=USER_AGENT),
        policies.ProxyPolicy(),
        *decoding,
        Gate(endpoint),
        PatientRetry(),
        OneSendBearer(token_credential, scope),
        policies.CustomHookPolicy(),
        policies.NetworkTraceLoggingPolicy(),
        policies.HttpLoggingPolicy(),
        Meter(endpoint.plane),
    ]
