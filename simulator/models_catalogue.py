"""Which models exist, in which SKUs, from which quota pool, and what one unit of them is worth.

Rate limits per unit are derived from the tier-1 table of the Azure documentation (RPM ÷ TPM) and,
for gpt-4o and gpt-realtime-mini, from published output of ``az cognitiveservices model list``.
Provisioned figures are those of the documentation's sizing table dated 2026-09-23.

Usage names are irregular in Azure (the same model is ``gpt4.1-mini`` in one row family and
``gpt-4.1-mini`` in another), so a client must join on ``usageName``; that is kept so here.
Provisioned pools carry no model name: one pool serves all models of a region.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from simulator.model_types import (
    FINE_TUNED_MARK,
    PROVISIONED_SKUS,
    STANDARD_SKUS,
    CapacityRule,
    Model,
    ModelSku,
    RateLimit,
)
from simulator.models_others import OTHER_MODELS, extra_skus

__all__ = ["MODELS", "Model", "ModelSku", "find_model", "quota_label_of"]

_PROVISIONED_POOL_LABELS = {
    "ProvisionedManaged": "Provisioned Managed Throughput Unit",
    "GlobalProvisionedManaged": "Global Provisioned Managed Throughput Unit",
    "DataZoneProvisionedManaged": "Data Zone Provisioned Managed Throughput Unit",
}


@dataclass(frozen=True)
class _Row:
    """One line of the table below; a limit is (requests, seconds, tokens per minute) per unit."""

    name: str
    version: str
    limits: dict[str, tuple[int, int, int]]
    provisioned: tuple[int, int, int] | None = (
        None  # input TPM per PTU, output weight, regional step
    )
    usage_spelling: dict[str, str] | None = None
    capability: str = "chatCompletion"
    maximum: int = 1_000_000
    context: tuple[int, int] | None = None  # tokens in and out, where published
    is_default: bool = True
    fine_tunes: bool = False


_ONE_TO_ONE = (1, 60, 1000)
_TEN_TO_ONE = (10, 60, 1000)
_SIX_TO_ONE = (1, 10, 1000)


def _all_skus(limit: tuple[int, int, int]) -> dict[str, tuple[int, int, int]]:
    return dict.fromkeys(STANDARD_SKUS, limit)


_ROWS = (
    _Row("gpt-4o", "2024-08-06", _all_skus(_SIX_TO_ONE), (2500, 4, 50),
         context=(128_000, 16_384), is_default=False, fine_tunes=True),
    _Row("gpt-4o", "2024-11-20", _all_skus(_SIX_TO_ONE), (2500, 4, 50), context=(128_000, 16_384)),
    _Row("gpt-4o-mini", "2024-07-18", _all_skus(_TEN_TO_ONE), (37000, 4, 25),
         context=(128_000, 16_384), fine_tunes=True),
    _Row("gpt-4.1", "2025-04-14", _all_skus(_ONE_TO_ONE), (3000, 4, 50),
         context=(1_047_576, 32_768), fine_tunes=True),
    _Row("gpt-4.1-mini", "2025-04-14", _all_skus(_ONE_TO_ONE), (14900, 4, 25),
         {"GlobalStandard": "gpt4.1-mini"}, context=(1_047_576, 32_768)),
    _Row("gpt-4.1-nano", "2025-04-14", _all_skus(_ONE_TO_ONE), (59400, 4, 25),
         context=(1_047_576, 32_768)),
    _Row("gpt-5", "2025-08-07", _all_skus(_TEN_TO_ONE), (4750, 8, 50), context=(400_000, 128_000)),
    _Row("gpt-5-mini", "2025-08-07", _all_skus(_ONE_TO_ONE), (23750, 8, 25),
         context=(400_000, 128_000)),
    _Row("gpt-5-nano", "2025-08-07", _all_skus(_ONE_TO_ONE), context=(400_000, 128_000)),
    _Row("gpt-5.1", "2025-11-13", _all_skus(_TEN_TO_ONE), (4750, 8, 50)),
    _Row("gpt-5.4", "2026-03-05",
         {"GlobalStandard": _TEN_TO_ONE, "DataZoneStandard": _ONE_TO_ONE}, (2400, 6, 50)),
    _Row("gpt-5.4-mini", "2026-03-17", {"GlobalStandard": _ONE_TO_ONE}, (7900, 6, 25)),
    _Row("o4-mini", "2025-04-16", _all_skus(_ONE_TO_ONE), (5400, 4, 25),
         context=(200_000, 100_000)),
    _Row("text-embedding-3-large", "1",
         {"Standard": _SIX_TO_ONE, "GlobalStandard": _SIX_TO_ONE, "DataZoneStandard": _ONE_TO_ONE},
         capability="embeddings"),
    _Row("text-embedding-3-small", "1",
         {"Standard": _SIX_TO_ONE, "GlobalStandard": _SIX_TO_ONE, "DataZoneStandard": _ONE_TO_ONE},
         capability="embeddings"),
    _Row("gpt-realtime-mini", "2025-10-06", {"GlobalStandard": (10, 60, 5000)},
         capability="realtime", maximum=30_000, is_default=False),
    _Row("gpt-realtime-mini", "2025-12-15", {"GlobalStandard": (3, 60, 10_000)},
         capability="realtime", maximum=30_000),
)  # fmt: skip


def _label(model: str, sku_name: str) -> str:
    """Azure words its labels in several ways, so that nobody may read anything out of them."""
    if model.startswith("gpt-5.4"):
        return f"One Thousand Tokens Per Minute - {model} - {sku_name}"
    suffix = "" if sku_name == "Standard" else f" - {sku_name}"
    return f"Tokens Per Minute (thousands) - {model}{suffix}"


def _standard_sku(row: _Row, sku_name: str) -> ModelSku:
    requests, seconds, tokens = row.limits[sku_name]
    spelling = (row.usage_spelling or {}).get(sku_name, row.name)
    return ModelSku(
        name=sku_name,
        usage_name=f"OpenAI.{sku_name}.{spelling}",
        quota_label=_label(row.name, sku_name),
        capacity=CapacityRule(maximum=row.maximum, default=10),
        rate_limits=(RateLimit("request", requests, seconds), RateLimit("token", tokens, 60)),
    )


def _provisioned_sku(sku_name: str, input_tpm: int, output_weight: int, step: int) -> ModelSku:
    minimum, step = (step, step) if sku_name == "ProvisionedManaged" else (15, 5)
    return ModelSku(
        name=sku_name,
        usage_name=f"OpenAI.{sku_name}",
        quota_label=_PROVISIONED_POOL_LABELS[sku_name],
        capacity=CapacityRule(minimum=minimum, maximum=100_000, step=step, default=minimum),
        rate_limits=(),
        input_tokens_per_minute_per_unit=input_tpm,
        output_weight=output_weight,
    )


def _model(row: _Row) -> Model:
    skus = [_standard_sku(row, name) for name in STANDARD_SKUS if name in row.limits]
    if row.provisioned is not None:
        skus += [_provisioned_sku(name, *row.provisioned) for name in PROVISIONED_SKUS]
    if row.fine_tunes:
        skus += extra_skus(row.name)
    return Model(
        row.name, row.version, _capabilities(row), tuple(skus), is_default_version=row.is_default
    )


def _capabilities(row: _Row) -> tuple[tuple[str, str], ...]:
    found = [(row.capability, "true")]
    if row.context is not None:
        found += [
            ("maxContextToken", str(row.context[0])),
            ("maxOutputToken", str(row.context[1])),
        ]
    if row.fine_tunes:
        found.append(("fineTune", "true"))
    return tuple(found)


MODELS: tuple[Model, ...] = (*(_model(row) for row in _ROWS), *OTHER_MODELS)
_BY_KEY = {model.key: model for model in MODELS}


def find_model(name: str, version: str) -> Model | None:
    """The model of that name and version, or None.

    A fine-tuned one exists as soon as somebody names it: ``{model}-{version}.ft-{job}``, version 1.
    """
    return _BY_KEY.get((name.lower(), version.lower())) or _fine_tuned(name, version)


def _fine_tuned(name: str, version: str) -> Model | None:
    """A model made of one that can be fine-tuned; no list of a region has it."""
    base_name, mark, job = name.lower().partition(FINE_TUNED_MARK)
    if not (mark and job and version == "1"):
        return None
    for base in MODELS:
        if f"{base.name}-{base.version}".lower() == base_name:
            skus = tuple(sku for sku in base.skus if sku.is_for_fine_tuned)
            capabilities = tuple(each for each in base.capabilities if each[0] != "fineTune")
            made = replace(base, name=name, version=version, skus=skus, capabilities=capabilities)
            return replace(made, is_default_version=False) if skus else None
    return None


def quota_label_of(usage_name: str) -> str:
    """The ``localizedValue`` of a usage row; rows of models no longer sold get a plain label."""
    for model in MODELS:
        for sku in model.skus:
            if sku.usage_name.lower() == usage_name.lower():
                return sku.quota_label
    return f"Tokens Per Minute (thousands) - {usage_name.rpartition('.')[2]}"
