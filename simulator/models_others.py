"""Models beyond OpenAI's text models: other publishers, images and audio, fine-tuning, old rows.

Names, formats, versions and usage names as in published output of ``az cognitiveservices model
list`` and the official example of Models_List; maxima of DeepSeek and Mistral from public notes of
2026. What is not known is left out, as Azure leaves it out: no rate limits, no minimum, no step.
"""

from __future__ import annotations

from datetime import UTC, datetime

from simulator.model_types import CapacityRule, Model, ModelSku, RateLimit

_CHAT = (("chatCompletion", "true"),)
_REGISTRY = "azureml://registries/{registry}/models/{name}/versions/{version}"
_MAAS = "AIServices.GlobalStandard.MaaS"


def _global(
    usage_name: str, capacity: CapacityRule, *limits: RateLimit, name: str = "GlobalStandard"
) -> ModelSku:
    label = f"Tokens Per Minute (thousands) - {usage_name.rpartition('.')[2]} - {name}"
    return ModelSku(name, usage_name, label, capacity, limits)


def _partner(
    publisher: str,
    registry: str,
    name: str,
    version: str,
    *skus: ModelSku,
    capabilities: tuple[tuple[str, str], ...] = _CHAT,
    max_capacity: int = 3,
) -> Model:
    return Model(
        name, version, capabilities, skus,
        format=publisher,
        catalogue_id=_REGISTRY.format(registry=registry, name=name, version=version),
        is_default_version=True,
        max_capacity=max_capacity,
    )  # fmt: skip


_THOUSAND = RateLimit("token", 1000, 60)
_ONE_REQUEST = RateLimit("request", 1, 60)
_FIXED = CapacityRule(maximum=1, default=1)
_DEEPSEEK = CapacityRule(maximum=1_000_000, default=250)

_PARTNERS = (
    _partner("DeepSeek", "azureml-deepseek", "DeepSeek-R1-0528", "1",
             _global("AIServices.GlobalStandard.DeepSeek-R1-0528",
                     CapacityRule(maximum=5000, default=5000), _ONE_REQUEST, _THOUSAND)),
    _partner("DeepSeek", "azureml-deepseek", "DeepSeek-V4-Pro", "2026-04-23",
             _global("AIServices.GlobalStandard.DeepSeek-V4-Pro", _DEEPSEEK,
                     _ONE_REQUEST, _THOUSAND),
             _global("AIServices.DataZoneStandard.DeepSeek-V4-Pro", _DEEPSEEK,
                     _ONE_REQUEST, _THOUSAND, name="DataZoneStandard")),
    _partner("Meta", "azureml-meta", "Llama-3.2-90B-Vision-Instruct", "2",
             _global(_MAAS, _FIXED)),
    _partner("Meta", "azureml-meta", "Llama-3.3-70B-Instruct", "5",
             _global("AIServices.GlobalStandard.Llama-3.3-70B-Instruct",
                     CapacityRule(maximum=1_000_000, default=10), _ONE_REQUEST, _THOUSAND)),
    _partner("Mistral AI", "azureml-mistral", "Mistral-Large-3", "1",
             _global("AIServices.GlobalStandard.Mistral-Large-3", CapacityRule(default=500),
                     _ONE_REQUEST, _THOUSAND)),
    _partner("Cohere", "azureml-cohere", "embed-v-4-0", "1", _global(_MAAS, _FIXED),
             capabilities=(("embeddings", "true"),)),
    _partner("Microsoft", "azureml", "Phi-4", "7", _global(_MAAS, _FIXED)),
    _partner("xAI", "azureml-xai", "grok-4.3", "1",
             _global("AIServices.GlobalStandard.grok-4.3", CapacityRule(),
                     _ONE_REQUEST, _THOUSAND)),
)  # fmt: skip

# Nothing but requests is limited here. Whisper's list of allowed values is our own choice.
_MEDIA = (
    Model(
        "gpt-image-1", "2025-04-15", (("imageGenerations", "true"),),
        (_global("OpenAI.GlobalStandard.gpt-image-1", CapacityRule(maximum=30, default=1),
                 RateLimit("request", 1, 60)),),
        is_default_version=True, is_preview=True, max_capacity=3,
    ),
    Model(
        "whisper", "001", (("audio", "true"),),
        (_global("OpenAI.Standard.whisper",
                 CapacityRule(maximum=1_000_000, default=3, allowed=(1, 2, 3)),
                 RateLimit("request", 1, 60), name="Standard"),),
        is_default_version=True,
    ),
)  # fmt: skip


def _old(name: str, version: str, retired_at: datetime, *skus: ModelSku) -> Model:
    capabilities = (("completion", "true"), *_CHAT)
    return Model(name, version, capabilities, skus, retired_at=retired_at)


_OLD_PTU = CapacityRule(minimum=300, maximum=30_000, step=100, default=300)
# Old rows stay listed long after their date, with SKU names from before "ProvisionedManaged".
_RETIRED = (
    _old(
        "gpt-35-turbo", "0301", datetime(2025, 4, 30, tzinfo=UTC),
        ModelSku("Standard", "OpenAI.Standard.gpt-35-turbo",
                 "Tokens Per Minute (thousands) - GPT-35-Turbo",
                 CapacityRule(maximum=1_000_000, default=120),
                 deprecation_date=datetime(2025, 2, 13, tzinfo=UTC)),
        ModelSku("Provisioned", "OpenAI.Provisioned.gpt-35-turbo",
                 "Provisioned Throughput Unit - GPT-35-Turbo", _OLD_PTU,
                 deprecation_date=datetime(2025, 5, 15, tzinfo=UTC)),
    ),
    _old(
        "gpt-4o", "2024-05-13", datetime(2025, 9, 15, tzinfo=UTC),
        ModelSku("provisioned", "OpenAI.Provisioned.GPT4o",
                 "Provisioned Throughput Unit - GPT4o",
                 CapacityRule(minimum=50, maximum=2000, step=50, default=100)),
    ),
)  # fmt: skip

OTHER_MODELS: tuple[Model, ...] = (*_PARTNERS, *_MEDIA, *_RETIRED)


def extra_skus(name: str) -> tuple[ModelSku, ...]:
    """Batch and fine-tuning rows of an OpenAI chat model; their pools are their own.

    Batch quota is in enqueued tokens, not in tokens per minute, so no rate limit comes with it. A
    fine-tuning row repeats the name of a SKU and differs by its usage name alone.
    """
    batch = tuple(
        ModelSku(
            sku, f"OpenAI.{sku}.{name}", f"Enqueued tokens (thousands) - {name} - {sku}",
            CapacityRule(maximum=1_000_000_000, default=50),
        )
        for sku in ("GlobalBatch", "DataZoneBatch")
    )  # fmt: skip
    tuned = tuple(
        ModelSku(
            sku, f"OpenAI.{sku}.{name}-finetune",
            f"Tokens Per Minute (thousands) - {name}-finetune - {sku}",
            CapacityRule(maximum=1000, default=10), (RateLimit("request", 1, 10), _THOUSAND),
        )
        for sku in ("Standard", "GlobalStandard", "DeveloperTier")
    )  # fmt: skip
    return (*batch, *tuned)
