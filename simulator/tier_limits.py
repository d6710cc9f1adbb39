"""What quota tier 1 gives, for the models and SKUs of the catalogue that the table names.

Source: a third party's copy of the Azure documentation's tier-1 table, 2026.
"""

from __future__ import annotations

from simulator.models_catalogue import MODELS

# Tokens per minute.
_TIER_1_TPM = {
    ("gpt-4o", "DataZoneStandard"): 300_000,
    ("gpt-4o-mini", "GlobalStandard"): 2_000_000,
    ("gpt-4o-mini", "DataZoneStandard"): 1_000_000,
    ("gpt-4.1", "GlobalStandard"): 1_000_000,
    ("gpt-4.1", "DataZoneStandard"): 300_000,
    ("gpt-4.1-mini", "GlobalStandard"): 5_000_000,
    ("gpt-4.1-mini", "DataZoneStandard"): 2_000_000,
    ("gpt-4.1-mini", "Standard"): 6_000_000,
    ("gpt-4.1-nano", "GlobalStandard"): 5_000_000,
    ("gpt-4.1-nano", "DataZoneStandard"): 2_000_000,
    ("gpt-5", "GlobalStandard"): 1_000_000,
    ("gpt-5", "DataZoneStandard"): 300_000,
    ("gpt-5-mini", "GlobalStandard"): 1_000_000,
    ("gpt-5-mini", "DataZoneStandard"): 300_000,
    ("gpt-5-nano", "GlobalStandard"): 5_000_000,
    ("gpt-5-nano", "DataZoneStandard"): 2_000_000,
    ("gpt-5.1", "GlobalStandard"): 1_000_000,
    ("gpt-5.1", "DataZoneStandard"): 300_000,
    ("gpt-5.1", "Standard"): 300_000,
    ("gpt-5.4", "GlobalStandard"): 1_000_000,
    ("gpt-5.4", "DataZoneStandard"): 300_000,
    ("gpt-5.4-mini", "GlobalStandard"): 1_000_000,
    ("o4-mini", "GlobalStandard"): 1_000_000,
    ("o4-mini", "DataZoneStandard"): 300_000,
    ("text-embedding-3-large", "GlobalStandard"): 1_000_000,
    ("text-embedding-3-large", "DataZoneStandard"): 1_000_000,
    ("text-embedding-3-small", "GlobalStandard"): 1_000_000,
    ("text-embedding-3-small", "DataZoneStandard"): 1_000_000,
}
TIER_1_UNITS = {
    sku.usage_name.lower(): _TIER_1_TPM[model.name, sku.name] // (sku.per_minute("token") or 1)
    for model in MODELS
    for sku in model.skus
    if (model.name, sku.name) in _TIER_1_TPM
}
"""Usage name in lower case → capacity units."""
