"""Which Azure: the addresses and token audiences of the public and the two sovereign clouds.

One cloud per installation (`HEADROOM_AZURE_CLOUD`). Pure data: settings read it, so nothing of the
SDKs is imported here. Sources: Resource Manager and sign-in hosts as in azure-mgmt-core
(`get_arm_endpoints`) and azure-identity (`AzureAuthorityHosts`), and a test holds them equal;
metrics hosts and audiences as in the README and samples of azure-monitor-querymetrics (US
Government) and the Azure SDKs for Java and JavaScript (China); logs hosts, which are their own
audience, as in the README of azure-monitor-query (US Government) and on docs.azure.cn (China). None
was tried by us against a sovereign cloud.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Cloud:
    """Addresses without a slash at the end; an audience plus `/.default` is the token's scope."""

    label: str
    arm_endpoint: str
    arm_audience: str
    metrics_endpoint: str  # `{region}` is filled in
    metrics_audience: str
    logs_endpoint: str
    logs_audience: str
    authority: str  # where an app registration or a workload identity signs in


CLOUDS = {
    "public": Cloud(
        label="Azure",
        arm_endpoint="https://management.azure.com",
        arm_audience="https://management.azure.com",
        metrics_endpoint="https://{region}.metrics.monitor.azure.com",
        metrics_audience="https://metrics.monitor.azure.com",
        logs_endpoint="https://api.loganalytics.io",
        logs_audience="https://api.loganalytics.io",
        authority="https://login.microsoftonline.com",
    ),
    "us_government": Cloud(
        label="Azure Government (US)",
        arm_endpoint="https://management.usgovcloudapi.net",
        arm_audience="https://management.core.usgovcloudapi.net",
        metrics_endpoint="https://{region}.metrics.monitor.azure.us",
        metrics_audience="https://metrics.monitor.azure.us",
        logs_endpoint="https://api.loganalytics.us",
        logs_audience="https://api.loganalytics.us",
        authority="https://login.microsoftonline.us",
    ),
    "china": Cloud(
        label="Azure China (21Vianet)",
        arm_endpoint="https://management.chinacloudapi.cn",
        arm_audience="https://management.chinacloudapi.cn",
        metrics_endpoint="https://{region}.metrics.monitor.azure.cn",
        metrics_audience="https://metrics.monitor.azure.cn",
        logs_endpoint="https://api.loganalytics.azure.cn",
        logs_audience="https://api.loganalytics.azure.cn",
        authority="https://login.chinacloudapi.cn",
    ),
}
