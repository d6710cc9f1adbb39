"""The metrics this simulator plays, and from what each is answered.

Names, labels, units, aggregations and dimensions are those of the Azure Monitor documentation for
``Microsoft.CognitiveServices/accounts`` (page dated 2026-07-31), categories OpenAI and Models. What
no traffic here can answer honestly (audio, images, pages, training, Anthropic's cache) is known and
never has data.

Which family a model emits is our choice, not verified: models of OpenAI emit both, models of other
publishers the newer one only. Tokens per second, time to response and time between tokens of the
older family are documented as not available for standard deployments, so provisioned ones alone
have them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

_MODEL = ("Region", "ModelDeploymentName", "ModelName", "ModelVersion")
_CALL = ("ApiName", "OperationName", "Region", "StreamType", *_MODEL[1:])
_REQUEST = (*_CALL, "StatusCode", "IsSpillover", "ServiceTierRequest", "ServiceTierResponse")
_TRAINING = ("ApiName", "ModelDeploymentName", "FeatureName", "UsageChannel", "Region")
_TOKEN = (*_TRAINING, "ModelVersion")
_NEW_TOKEN = ("ApiName", *_MODEL)
_ANTHROPIC = (*_NEW_TOKEN, "ContextLength")
_UTILISATION = ("Region", "StreamType", *_MODEL[1:])
_GAUGE = ("average", "minimum", "maximum")


class Source(Enum):
    """From which part of a served day a metric is answered."""

    NOTHING = "nothing"
    REQUESTS = "requests"
    PROMPT = "prompt"
    GENERATED = "generated"
    ALL_TOKENS = "all_tokens"
    ACTIVE_TOKENS = "active_tokens"
    AVAILABILITY = "availability"
    RESPONSE = "response_ms"
    CACHE = "cache_percent"
    UTILISATION = "utilisation"
    NORMALISED_FIRST = "normalised_first_token_ms"
    BETWEEN_TOKENS = "between_tokens_ms"
    LAST_BYTE = "last_byte_ms"
    TOKENS_PER_SECOND = "tokens_per_second"


@dataclass(frozen=True)
class Metric:
    """``dimensions`` are in lower case; ``is_newer``: of the family all publishers' models emit."""

    name: str
    label: str
    unit: str
    source: Source
    dimensions: tuple[str, ...]
    aggregations: tuple[str, ...]
    is_newer: bool
    provisioned_only: bool = False

    @property
    def default_aggregation(self) -> str:
        """What is answered when a request names none."""
        return "total" if "total" in self.aggregations else "average"


def _count(
    name: str, label: str, source: Source, dimensions: tuple[str, ...], *, newer: bool = False
) -> Metric:
    lower = tuple(each.lower() for each in dimensions)
    return Metric(name, label, "Count", source, lower, ("total",), newer)


def _gauge(
    name: str, label: str, unit: str, source: Source, dimensions: tuple[str, ...],
    *, newer: bool = False, provisioned_only: bool = False,
) -> Metric:  # fmt: skip
    lower = tuple(each.lower() for each in dimensions)
    return Metric(name, label, unit, source, lower, _GAUGE, newer, provisioned_only)


_OLDER = (
    _count("AzureOpenAIRequests", "Azure OpenAI Requests", Source.REQUESTS, _REQUEST),
    _gauge("AzureOpenAIAvailabilityRate", "Azure OpenAI AvailabilityRate", "Percent",
           Source.AVAILABILITY, _CALL),
    _gauge("AzureOpenAINormalizedTBTInMS", "Time Between Token", "MilliSeconds",
           Source.BETWEEN_TOKENS, _MODEL, provisioned_only=True),
    _gauge("AzureOpenAINormalizedTTFTInMS", "Normalized Time to First Byte", "MilliSeconds",
           Source.NORMALISED_FIRST, _MODEL),
    _gauge("AzureOpenAITimeToResponse", "Time to Response", "MilliSeconds",
           Source.RESPONSE, (*_CALL, "StatusCode"), provisioned_only=True),
    _gauge("AzureOpenAITokenPerSecond", "Tokens Per Second", "Count",
           Source.TOKENS_PER_SECOND, _MODEL, provisioned_only=True),
    _gauge("AzureOpenAITTLTInMS", "Time to Last Byte", "MilliSeconds", Source.LAST_BYTE, _MODEL),
    Metric("ActiveTokens", "Active Tokens", "Count", Source.ACTIVE_TOKENS,
           tuple(each.lower() for each in _MODEL), (*_GAUGE, "total"), is_newer=False),
    _count("AudioCompletionTokens", "Audio Completion Tokens", Source.NOTHING, _MODEL),
    _count("AudioPromptTokens", "Audio Prompt Tokens", Source.NOTHING, _MODEL),
    _gauge("AzureOpenAIContextTokensCacheMatchRate", "Prompt Token Cache Match Rate", "Percent",
           Source.CACHE, _MODEL),
    _gauge("AzureOpenAIProvisionedManagedUtilization",
           "Provisioned-managed Utilization (deprecated)", "Percent",
           Source.UTILISATION, _UTILISATION),
    _gauge("AzureOpenAIProvisionedManagedUtilizationV2", "Provisioned-managed Utilization V2",
           "Percent", Source.UTILISATION, _UTILISATION),
    _count("FineTunedTrainingHours", "Processed FineTuned Training Hours", Source.NOTHING,
           _TRAINING),
    _count("GeneratedTokens", "Generated Completion Tokens", Source.GENERATED, _TOKEN),
    _count("ProcessedPromptTokens", "Processed Prompt Tokens", Source.PROMPT, _TOKEN),
    _count("TokenTransaction", "Processed Inference Tokens", Source.ALL_TOKENS, _TOKEN),
    _count("RealtimeUsageTime", "Realtime API Seconds Used", Source.NOTHING, _MODEL[:2]),
)  # fmt: skip

_NEWER = (
    _gauge("ModelAvailabilityRate", "Model Availability Rate", "Percent",
           Source.AVAILABILITY, _MODEL, newer=True),
    _count("ModelRequests", "Model Requests", Source.REQUESTS, _REQUEST, newer=True),
    _gauge("NormalizedTimeBetweenTokens", "Time Between Tokens", "MilliSeconds",
           Source.BETWEEN_TOKENS, _CALL, newer=True),
    _gauge("NormalizedTimeToFirstToken", "Normalized Time to First Byte", "MilliSeconds",
           Source.NORMALISED_FIRST, _CALL, newer=True),
    _gauge("TimeToLastByte", "Time to Last Byte", "MilliSeconds",
           Source.LAST_BYTE, _CALL, newer=True),
    _gauge("TimeToResponse", "Time to Response", "MilliSeconds",
           Source.RESPONSE, (*_CALL, "StatusCode"), newer=True),
    _gauge("TokensPerSecond", "Tokens Per Second", "Count",
           Source.TOKENS_PER_SECOND, _CALL, newer=True),
    _count("InputTokens", "Input Tokens", Source.PROMPT, _NEW_TOKEN, newer=True),
    _count("OutputTokens", "Output Tokens", Source.GENERATED, _NEW_TOKEN, newer=True),
    _count("TotalTokens", "Total Tokens", Source.ALL_TOKENS, _NEW_TOKEN, newer=True),
    _gauge("ProvisionedUtilization", "Provisioned Utilization", "Percent",
           Source.UTILISATION, _MODEL, newer=True),
    _count("AudioInputTokens", "Audio Input Tokens", Source.NOTHING, _MODEL, newer=True),
    _count("AudioOutputTokens", "Audio Output Tokens", Source.NOTHING, _MODEL, newer=True),
    _count("cacheReadInputTokens", "Prompt tokens read from cache (Anthropic)", Source.NOTHING,
           _ANTHROPIC, newer=True),
    _count("ephemeral5mInputTokens", "Cache write 5m (Anthropic)", Source.NOTHING,
           _ANTHROPIC, newer=True),
    _count("ephemeral1hInputTokens", "Cache write 1h (Anthropic)", Source.NOTHING,
           _ANTHROPIC, newer=True),
    _count("GeneratedImages", "Generated Images", Source.NOTHING, _NEW_TOKEN, newer=True),
    _count("TotalPages", "Total Pages", Source.NOTHING, _NEW_TOKEN, newer=True),
    _count("AnnotatedPages", "Annotated Pages", Source.NOTHING, _NEW_TOKEN, newer=True),
)  # fmt: skip

METRICS = (*_OLDER, *_NEWER)
_BY_NAME = {metric.name.lower(): metric for metric in METRICS}


def find_metric(name: str) -> Metric | None:
    """The metric of that name, compared without case."""
    return _BY_NAME.get(name.lower())
