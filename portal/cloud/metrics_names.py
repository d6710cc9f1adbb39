"""Azure's names: which metric, of which family, becomes which measure.

Azure counts models of OpenAI in two families of metrics with the same meaning, and models of other
publishers in the newer alone. Both are asked in the same calls, and each value is taken from one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portal.cloud.metrics_table import REQUEST_MEASURES
from showback.domain.measures import NEWER, OLDER

REQUESTS, NEWER_REQUESTS = "azureopenairequests", "modelrequests"
PRIORITY = "priority"
# In lower case. Requests are told apart by their dimensions (`request_measure`).
MEASURE_OF_METRIC = {
    "processedprompttokens": "prompt",
    "generatedtokens": "generated",
    "activetokens": "active",
    "azureopenaicontexttokenscachematchrate": "cache_percent",
    "azureopenaiprovisionedmanagedutilizationv2": "utilisation_percent",
}
NEWER_MEASURE_OF_METRIC = {
    "inputtokens": "prompt",
    "outputtokens": "generated",
    "provisionedutilization": "utilisation_percent",
}
DEPLOYMENT, STATUS, SPILLOVER = "modeldeploymentname", "statuscode", "isspillover"
TIER = "servicetierresponse"


@dataclass(frozen=True)
class Query:
    """Metrics that may be asked in one call: same aggregation, same dimensions to split by.

    `more` are metrics that not every cloud has, `finer` a dimension that not every one knows.
    """

    metrics: tuple[str, ...]
    aggregation: str
    split_by: tuple[str, ...]
    more: tuple[str, ...] = ()
    finer: tuple[str, ...] = ()

    @property
    def all_metrics(self) -> tuple[str, ...]:
        return self.metrics + self.more

    @property
    def filter(self) -> str:
        return " and ".join(f"{dimension} eq '*'" for dimension in self.split_by + self.finer)

    @property
    def plain(self) -> tuple["Query", ...]:
        """What to ask instead where Azure finds the whole wrong: each family by itself, without
        `finer`. Nothing for a query that is plain.
        """
        if not (self.more or self.finer):
            return ()
        newer = tuple(name for name in self.more if family_of(name.lower()) == NEWER)
        return (
            Query(self.metrics, self.aggregation, self.split_by),
            Query(newer, self.aggregation, self.split_by),
        )


QUERIES = (
    Query(
        ("AzureOpenAIRequests",),
        "Total",
        ("ModelDeploymentName", "StatusCode", "IsSpillover"),
        more=("ModelRequests",),
        finer=("ServiceTierResponse",),
    ),
    Query(
        ("ProcessedPromptTokens", "GeneratedTokens"),
        "Total",
        ("ModelDeploymentName",),
        more=("ActiveTokens", "InputTokens", "OutputTokens"),
    ),
    Query(
        ("AzureOpenAIContextTokensCacheMatchRate", "AzureOpenAIProvisionedManagedUtilizationV2"),
        "Average",
        ("ModelDeploymentName",),
        more=("ProvisionedUtilization",),
    ),
)


def family_of(metric: str) -> int:
    """Of a metric named in lower case."""
    return NEWER if metric == NEWER_REQUESTS or metric in NEWER_MEASURE_OF_METRIC else OLDER


def measures_of(metric: str) -> tuple[str, ...]:
    """The measures made of a metric (named in lower case)."""
    if metric in (REQUESTS, NEWER_REQUESTS):
        return (*REQUEST_MEASURES, PRIORITY)
    return (MEASURE_OF_METRIC.get(metric) or NEWER_MEASURE_OF_METRIC[metric],)


def measures_of_all(metrics: Iterable[str], family: int) -> set[str]:
    """Of those of one family."""
    return {m for metric in metrics if family_of(metric) == family for m in measures_of(metric)}


def request_measure(labels: Mapping[str, Any]) -> str:
    status = str(labels.get(STATUS) or "")
    if status == "429":
        return "throttled"
    if not status.startswith("2"):
        return "other"
    return "spilled" if str(labels.get(SPILLOVER) or "").lower() == "true" else "ok"


def is_priority(labels: Mapping[str, Any]) -> bool:
    """Whether these requests were answered, and in tier priority: Azure may answer in another."""
    is_served = str(labels.get(STATUS) or "").startswith("2")
    return is_served and str(labels.get(TIER) or "").lower() == PRIORITY
