"""The metrics this simulator plays and how each follows from served traffic.

Names, units, aggregations and dimensions are those of the Azure Monitor documentation for
``Microsoft.CognitiveServices/accounts`` (page dated 2026-07-31), less dimensions that nothing here
tells apart (ApiName, OperationName, StreamType, service tiers, FeatureName, UsageChannel).
"""

from __future__ import annotations

from dataclasses import dataclass

_MODEL = ("modeldeploymentname", "region", "modelname", "modelversion")
_TOKEN = ("modeldeploymentname", "region", "modelversion")
_REQUEST = (*_MODEL, "statuscode", "isspillover")


@dataclass(frozen=True)
class Cell:
    """A row of served traffic with the values of the request dimensions it stands for."""

    plus: tuple[str, ...]
    minus: tuple[str, ...] = ()
    status_code: str = ""
    is_spillover: str = ""


@dataclass(frozen=True)
class Metric:
    """``cells`` are summed (Total); or ``average_of`` names the row of a percentage."""

    name: str
    label: str
    unit: str
    dimensions: tuple[str, ...]
    cells: tuple[Cell, ...] = ()
    average_of: str | None = None

    @property
    def default_aggregation(self) -> str:
        """What is answered when a request names none."""
        return "average" if self.average_of else "total"


_REQUEST_CELLS = (
    Cell(("served",), status_code="200", is_spillover="False"),
    Cell(("throttled",), status_code="429", is_spillover="False"),
    Cell(("spill_served",), status_code="200", is_spillover="True"),
    Cell(("spill_throttled",), status_code="429", is_spillover="True"),
)
_PROMPT, _GENERATED = (Cell(("prompt",)),), (Cell(("generated",)),)
_BOTH = (Cell(("prompt", "generated")),)
_ACTIVE = (Cell(("prompt", "generated"), minus=("cached",)),)

METRICS = (
    Metric("AzureOpenAIRequests", "Azure OpenAI Requests", "Count", _REQUEST, _REQUEST_CELLS),
    Metric("ModelRequests", "Model Requests", "Count", _REQUEST, _REQUEST_CELLS),
    Metric("ProcessedPromptTokens", "Processed Prompt Tokens", "Count", _TOKEN, _PROMPT),
    Metric("GeneratedTokens", "Generated Completion Tokens", "Count", _TOKEN, _GENERATED),
    Metric("TokenTransaction", "Processed Inference Tokens", "Count", _TOKEN, _BOTH),
    Metric("InputTokens", "Input Tokens", "Count", _MODEL, _PROMPT),
    Metric("OutputTokens", "Output Tokens", "Count", _MODEL, _GENERATED),
    Metric("TotalTokens", "Total Tokens", "Count", _MODEL, _BOTH),
    Metric("ActiveTokens", "Active Tokens", "Count", _MODEL, _ACTIVE),
    Metric(
        "AzureOpenAIContextTokensCacheMatchRate", "Prompt Token Cache Match Rate", "Percent",
        _MODEL, average_of="cache_weighted",
    ),
    Metric(
        "AzureOpenAIProvisionedManagedUtilizationV2", "Provisioned-managed Utilization V2",
        "Percent", _MODEL, average_of="utilisation",
    ),
    Metric(
        "ProvisionedUtilization", "Provisioned Utilization", "Percent",
        _MODEL, average_of="utilisation",
    ),
)  # fmt: skip
_BY_NAME = {metric.name.lower(): metric for metric in METRICS}


def find_metric(name: str) -> Metric | None:
    """The metric of that name, compared without case."""
    return _BY_NAME.get(name.lower())
