"""A simulated Azure with incidents of every cause: a world file, and lowered limits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

SUBSCRIPTION = "22222222-2222-4222-8222-222222222222"
REGION = "eastus2"
ACCOUNT = "incidents"
SPILLER, SPILL_TARGET = "spiller", "spill-target"
KINDS = ("tokens", "requests", "slices", "lowered", "max_tokens", "ptu", "neighbour")
OF_EACH_KIND = 8
RETRY_FACTORS = (1.0, 1.5, 2.0, 3.0, 4.0)
HOURS = (9, 15)  # an incident begins some minutes after each


@dataclass(frozen=True)
class Planned:
    """One deployment and the spans in which it is pressed, `lowered` to a share of its limit."""

    name: str
    kind: str
    retry_factor: float
    units: int
    row: dict[str, Any]
    spans: tuple[tuple[datetime, datetime], ...]
    lowered: float | None


def planned(first: datetime, days: int, *, seed: int) -> list[Planned]:
    """The same for the same seed; `first` is a midnight."""
    rng = np.random.default_rng(seed)
    return [
        _one(f"{kind.replace('_', '-')}-{number}", kind, first, days, rng)
        for kind in KINDS
        for number in range(OF_EACH_KIND)
    ]


def _one(name: str, kind: str, first: datetime, days: int, rng: np.random.Generator) -> Planned:
    spans = tuple(
        (begin, begin + timedelta(minutes=int(rng.integers(20, 61))))
        for day in range(days)
        for hour in HOURS
        for begin in [first + timedelta(days=day, hours=hour, minutes=int(rng.integers(5, 50)))]
    )
    surge, retries = float(rng.uniform(1.6, 2.4)), float(rng.choice(RETRY_FACTORS))
    peak = float(rng.choice([60, 120, 300, 600]))
    traffic: dict[str, Any] = {
        "kind": "profile",
        "profile": str(rng.choice(["steady", "conv_week"])),
        "peak_requests_per_minute": peak,
        "prompt_tokens": 1000,
        "generated_tokens": 200,
        "retry_factor": retries,
    }
    events = [{"from": _iso(a), "until": _iso(b), "factor": surge} for a, b in spans]
    units, lowered, sku = peak * 1.2 * 1.35, None, "GlobalStandard"
    if kind == "lowered":
        units, lowered = peak * 1.2 * 2, float(rng.uniform(0.15, 0.3))
    else:
        traffic["events"] = events
    if kind == "requests":
        traffic |= {"prompt_tokens": 100, "generated_tokens": 20}
        units = peak * 1.35 / 6
    if kind == "slices":
        burst = float(rng.uniform(0.5, 0.9))
        traffic |= {"prompt_tokens": 100, "generated_tokens": 20}
        traffic |= {"burstiness": burst, "request_slices": True}
        units = peak * 1.35 * (5 * burst + 1) / 6
    if kind == "max_tokens":
        stated = float(rng.uniform(2, 5))
        traffic["max_tokens_factor"] = stated
        units = peak * (1 + 0.2 * stated) * 1.35
    if kind == "ptu":
        sku, units = "GlobalProvisionedManaged", 49  # one more in the file
        traffic["peak_requests_per_minute"] = 50.0
    if kind == "neighbour":
        units = peak * 1.2 * 2.4
        more = [{**each, "factor": surge * 1.4} for each in events]
        alike = {k: v for k, v in traffic.items() if k not in ("retry_factor", "events")}
        traffic |= {"neighbour": {**alike, "events": more}, "events": []}
    row = {
        "name": name,
        "model": "gpt-4o",
        "version": "2024-11-20",
        "sku": sku,
        "capacity": int(units) + 1,
        "traffic": traffic,
    }
    return Planned(name, kind, retries, int(units) + 1, row, spans, lowered)


def spilling() -> list[dict[str, Any]]:
    """Provisioned units that are too few, a target with room for the rest, and cached prompts."""
    traffic = {
        "kind": "profile",
        "profile": "conv_week",
        "peak_requests_per_minute": 120,
        "prompt_tokens": 1000,
        "generated_tokens": 200,
        "cache_match_percent": 30,
    }
    shared = {"model": "gpt-4o", "version": "2024-11-20"}
    target = {"name": SPILL_TARGET, "sku": "GlobalStandard", "capacity": 900, **shared}
    spiller = {"name": SPILLER, "sku": "GlobalProvisionedManaged", "capacity": 50, **shared}
    return [
        {**spiller, "traffic": traffic, "spillover_deployment_name": SPILL_TARGET},
        {**target, "traffic": {**traffic, "peak_requests_per_minute": 60}},
    ]


def world_of(rows: list[Planned], *, seed: int) -> dict[str, Any]:
    """As a world file has it, with room for everything."""
    pools = ("OpenAI.GlobalStandard.gpt-4o", "OpenAI.GlobalProvisionedManaged")
    return {
        "name": "incidents",
        "seed": seed,
        "subscriptions": [{"id": SUBSCRIPTION, "name": "Incidents", "quota_tier": "Tier 5"}],
        "limits": [
            {"subscription": SUBSCRIPTION, "region": REGION, "usage_name": name, "limit": 10**6}
            for name in pools
        ],
        "accounts": [
            {
                "subscription": SUBSCRIPTION,
                "resource_group": "rg-one",
                "name": ACCOUNT,
                "region": REGION,
                "kind": "OpenAI",
                "deployments": [*(each.row for each in rows), *spilling()],
            }
        ],
    }


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
