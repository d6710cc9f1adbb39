"""ARM's JSON for models: rows of a location's list and of an account's list."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from simulator.clock import iso
from simulator.model_types import CapacityRule, Model, ModelSku, RateLimit
from simulator.models_catalogue import MODELS
from simulator.state import State

_YEARS_TO_DEPRECATION = timedelta(days=730)


def model_rows(state: State, models: tuple[Model, ...]) -> list[dict[str, Any]]:
    """Rows of ``models.list``: a model is there once for each kind of account that hosts it."""
    return [
        {"kind": kind, "skuName": "S0", "model": model_json(state, model)}
        for kind in ("OpenAI", "AIServices")
        for model in models
        if kind in model.kinds and state.lifecycles.is_listed(model, state.clock.now())
    ]


def account_model_rows(state: State, kind: str) -> list[dict[str, Any]]:
    """Rows of ``accounts.list_models``: what an account of that kind can deploy, unframed."""
    return [row["model"] for row in model_rows(state, MODELS) if row["kind"] == kind]


def model_json(state: State, model: Model) -> dict[str, Any]:
    """A model version; ``rateLimits`` are those of one unit."""
    plan, at = state.lifecycles.plan(model), state.clock.now()
    ends_at = state.lifecycles.retired_at(model)
    planned = "Tentative" if ends_at is None else "Planned"
    ends_at = ends_at or _tentative_end(state.world.loaded_at)
    deprecation = {"inference": iso(ends_at), "deprecationStatus": planned}
    if ("fineTune", "true") in model.capabilities:
        deprecation["fineTune"] = iso(ends_at)
    written: dict[str, Any] = {
        "format": model.format,
        "name": model.name,
        "version": model.version,
        "isDefaultVersion": model.is_default_version,
        "skus": [_sku_json(sku, ends_at) for sku in model.skus],
        "maxCapacity": model.max_capacity,
        "capabilities": dict(model.capabilities),
        "deprecation": deprecation,
        "lifecycleStatus": state.lifecycles.status(model, at),
        "systemData": _system_data(state.world.loaded_at),
    }
    if model.format != "OpenAI":
        written["publisher"] = model.format
    if model.catalogue_id:
        written["modelCatalogAssetId"] = model.catalogue_id
    if plan is not None and plan.replacement is not None:
        written["replacementConfig"] = {
            "targetModelName": plan.replacement[0],
            "targetModelVersion": plan.replacement[1],
            "autoUpgradeStartDate": iso(plan.upgrade_from or plan.retires_at),
            "upgradeOnExpiryLeadTimeDays": plan.lead_days,
        }
    return written


def _tentative_end(loaded_at: datetime) -> datetime:
    """Azure announces at least a year ahead; the first of January two years on will do."""
    later = loaded_at + _YEARS_TO_DEPRECATION
    return later.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)


def _system_data(loaded_at: datetime) -> dict[str, str]:
    return {
        "createdBy": "Microsoft",
        "createdByType": "Application",
        "createdAt": iso(loaded_at - timedelta(days=365)),
        "lastModifiedBy": "Microsoft",
        "lastModifiedByType": "Application",
        "lastModifiedAt": iso(loaded_at - timedelta(days=365)),
    }


def _sku_json(sku: ModelSku, model_ends_at: datetime) -> dict[str, Any]:
    written: dict[str, Any] = {
        "name": sku.name,
        "usageName": sku.usage_name,
        "capacity": capacity_json(sku.capacity),
        "deprecationDate": iso(sku.deprecation_date or model_ends_at),
    }
    if sku.rate_limits:
        written["rateLimits"] = [_rate_limit(limit) for limit in sku.rate_limits]
    return written


def _rate_limit(limit: RateLimit) -> dict[str, Any]:
    """Numbers with a fraction, as published output has them: ``10.0``."""
    return {
        "key": limit.key,
        "renewalPeriod": float(limit.renewal_seconds),
        "count": float(limit.count),
    }


def capacity_json(rule: CapacityRule) -> dict[str, Any]:
    """What the catalogue knows of the rule; the rest is left out, as Azure leaves it out."""
    known = {
        "minimum": rule.minimum,
        "maximum": rule.maximum,
        "step": rule.step,
        "default": rule.default,
        "allowedValues": list(rule.allowed) or None,
    }
    return {name: value for name, value in known.items() if value is not None}
