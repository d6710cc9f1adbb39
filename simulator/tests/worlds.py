"""Small worlds for tests, as world files have them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from simulator.clock import parse_time
from simulator.quota import Quota
from simulator.quota_tiers import QuotaTiers
from simulator.resources import Resources
from simulator.served_day import ServedDay
from simulator.state import trace_finder
from simulator.traffic import Served
from simulator.world import World
from simulator.world_file import read_world

SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
REGION = "eastus2"
LOADED_AT = "2026-03-02T00:00:00Z"  # a Monday


def profile(**changes: Any) -> dict[str, Any]:
    """Sixty steady requests a minute of 1000 + 200 tokens."""
    return {
        "kind": "profile",
        "profile": "steady",
        "peak_requests_per_minute": 60,
        "prompt_tokens": 1000,
        "generated_tokens": 200,
        **changes,
    }


def deployment(name: str = "chat", **changes: Any) -> dict[str, Any]:
    """gpt-4o, GlobalStandard, 100 units."""
    return {
        "name": name,
        "model": "gpt-4o",
        "version": "2024-11-20",
        "sku": "GlobalStandard",
        "capacity": 100,
        "traffic": profile(),
        **changes,
    }


def provisioned(name: str = "ptu", **changes: Any) -> dict[str, Any]:
    """gpt-4o on 15 PTUs: 37,500 input tokens a minute."""
    return deployment(name, sku="GlobalProvisionedManaged", capacity=15, **changes)


def account(name: str, *deployments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An account in the one region."""
    return {
        "subscription": SUBSCRIPTION,
        "resource_group": "rg-one",
        "name": name,
        "region": REGION,
        "kind": "OpenAI",
        "deployments": list(deployments),
        **changes,
    }


def limit(usage_name: str, units: int, region: str = REGION) -> dict[str, Any]:
    """The limit of one pool."""
    return {
        "subscription": SUBSCRIPTION,
        "region": region,
        "usage_name": usage_name,
        "limit": units,
    }


def world(*accounts: dict[str, Any], seed: int = 3) -> dict[str, Any]:
    """A world with room in its two gpt-4o pools."""
    return {
        "name": "test",
        "seed": seed,
        "subscriptions": [{"id": SUBSCRIPTION, "name": "Test", "quota_tier": "Tier 1"}],
        "limits": [
            limit("OpenAI.GlobalStandard.gpt-4o", 2000),
            limit("OpenAI.GlobalProvisionedManaged", 100),
        ],
        "accounts": list(accounts),
    }


def world_of(*deployments: dict[str, Any], seed: int = 3) -> dict[str, Any]:
    """One account, ``one``, with these deployments."""
    return world(account("one", *deployments), seed=seed)


WORKSPACE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def gateway(*behind: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Two subscriptions in front of ``one/chat`` unless other backends are said."""
    return {
        "name": "apim",
        "subscription": SUBSCRIPTION,
        "resource_group": "rg-gateway",
        "workspace": WORKSPACE,
        "products": [{"id": "clinical", "name": "Clinical"}],
        "subscriptions": [
            {"id": "radiology", "product": "clinical", "prompt_factor": 2, "tags": {"team": "rad"}},
            {"id": "risk", "name": "Risk reports"},
        ],
        "backends": list(behind) or [backend()],
        **changes,
    }


def backend(**changes: Any) -> dict[str, Any]:
    """Three calls of radiology for one of risk, every tenth past the gateway."""
    weights = [{"of": {"radiology": 3, "risk": 1}}]
    return {"deployment": "one/chat", "bypass_share": 0.1, "weights": weights, **changes}


def parsed(raw: dict[str, Any], traces: Path = Path("/nonexistent")) -> World:
    """The checked world."""
    return read_world(raw, parse_time(LOADED_AT), trace_finder(traces))


def served(raw: dict[str, Any], traces: Path = Path("/nonexistent")) -> Served:
    """What that world serves with the capacities of its file."""
    return Served(Resources(parsed(raw, traces), {}, {}), traces)


def quota(raw: dict[str, Any]) -> Quota:
    """The pools of that world with the capacities of its file."""
    one = parsed(raw)
    held = [(each.pool, each.capacity_steps[-1][1]) for each in one.deployments]
    return Quota(one, lambda: held, QuotaTiers(one, None).known_limit, {})


def day_of(text: str) -> int:
    """Epoch day of an ISO moment."""
    moment: datetime = parse_time(text)
    return int(moment.timestamp()) // 86400


def rows_of(day: ServedDay) -> dict[str, Any]:
    """A served day as rows of 1440 minutes by name; 429s include what was spilled away."""
    away = day.total(429, spilled_away=True)
    return {
        "served": day.total(200, is_spillover=False),
        "throttled": day.total(429, is_spillover=False),
        "spilled_away": away,
        "spill_served": day.total(200, is_spillover=True),
        "spill_throttled": day.total(429, is_spillover=True),
        "prompt": day.prompt,
        "generated": day.generated,
        "cached": day.cached,
        "cache_percent": day.cache_percent,
        "utilisation": day.utilisation,
        "exists": day.exists,
    }
