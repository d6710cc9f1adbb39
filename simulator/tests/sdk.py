"""The Azure SDK clients as the portal uses them, for contract tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from azure.identity import DefaultAzureCredential
from azure.mgmt.apimanagement import ApiManagementClient
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.mgmt.cognitiveservices import models as m
from azure.monitor.query import LogsQueryClient
from azure.monitor.querymetrics import MetricsClient

from simulator.clock import parse_time
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.worlds import REGION, SUBSCRIPTION

NAMESPACE = "Microsoft.CognitiveServices/accounts"
GROUP = "rg-one"


class Sdk:
    """ARM, gateway, metrics and logs clients that never retry, so a test sees each answer."""

    def __init__(self, simulator: SimulatorProcess) -> None:
        self._credential = DefaultAzureCredential()
        self.arm = CognitiveServicesManagementClient(
            self._credential,
            SUBSCRIPTION,
            base_url=simulator.ready["arm_endpoint"],
            credential_scopes=["https://management.azure.com/.default"],
            retry_total=0,
        )
        self.gateways = ApiManagementClient(
            self._credential,
            SUBSCRIPTION,
            base_url=simulator.ready["arm_endpoint"],
            credential_scopes=["https://management.azure.com/.default"],
            retry_total=0,
        )
        self.metrics = MetricsClient(
            simulator.ready["metrics_endpoint"].format(region=REGION),
            self._credential,
            audience="https://metrics.monitor.azure.com",
            retry_total=0,
        )
        self.logs = LogsQueryClient(
            self._credential,
            endpoint=simulator.ready["logs_endpoint"],
            audience="https://api.loganalytics.io",
            retry_total=0,
        )

    def close(self) -> None:
        """Close the connections."""
        self.arm.close()
        self.gateways.close()
        self.metrics.close()
        self.logs.close()
        self._credential.close()

    def set_capacity(self, name: str, capacity: int, account: str = "one") -> m.Deployment:
        """PATCH as the portal does it."""
        sku_name = "GlobalProvisionedManaged" if name == "ptu" else "GlobalStandard"
        patch = m.PatchResourceTagsAndSku(sku=m.Sku(name=sku_name, capacity=capacity))
        return self.arm.deployments.begin_update(GROUP, account, name, patch).result(timeout=20)

    def series(
        self,
        names: list[str],
        split: str = "ModelDeploymentName eq '*'",
        *,
        minutes: int = 60,
        end: datetime | None = None,
        grain: timedelta = timedelta(minutes=1),
        aggregations: tuple[str, ...] = ("Total",),
        account: str = "one",
        top: int | None = 1000,
    ) -> dict[tuple[str, ...], list[Any]]:
        """(metric, split values …) → points, for the window of ``minutes`` up to ``end``."""
        last = end or parse_time(NOW)
        results = self.metrics.query_resources(
            resource_ids=[account_id(account)],
            metric_namespace=NAMESPACE,
            metric_names=names,
            timespan=(last - timedelta(minutes=minutes), last),
            granularity=grain,
            aggregations=list(aggregations),
            filter=split or None,
            max_results=top,
        )
        return {
            (metric.name, *series.metadata_values.values()): series.data
            for result in results
            for metric in result.metrics
            for series in metric.timeseries
        }


def account_id(name: str) -> str:
    """ARM id of an account of the test world."""
    return f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}/providers/{NAMESPACE}/{name}"


def total(points: list[Any]) -> float:
    """Sum over points, those without data being nothing."""
    return sum(point.total or 0 for point in points)
