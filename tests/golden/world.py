"""The world of the golden path: one account, one pool, one deployment that replays a trace."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stack.paths import PROJECT

SUBSCRIPTION = "c0ffee00-0000-4000-8000-000000000001"
MODEL, SKU = "gpt-4.1-mini", "GlobalStandard"
HELD, EXTRA, LIMIT = 150, 600, 1000  # units; each 1,000 tokens and 1 request a minute
TRACE_START = datetime(2026, 10, 20, 10, 0, tzinfo=UTC)
BURST_START = TRACE_START + timedelta(minutes=20)
BURST_END = TRACE_START + timedelta(minutes=50)
# The pool's lead: the capacity is there when the first minute of the burst begins.
LEAD = timedelta(minutes=1)
AFTER = TRACE_START + timedelta(minutes=66)  # a slot after the last minute has settled
REAL_TRACE = PROJECT.parent / "shared" / "data" / "traces" / "AzureLLMInferenceTrace_code.csv"

WORLD = {
    "name": "golden path",
    "seed": 1,
    "subscriptions": [{"id": SUBSCRIPTION, "name": "Golden", "quota_tier": "Tier 1"}],
    "limits": [
        {
            "subscription": SUBSCRIPTION,
            "region": "eastus2",
            "usage_name": "OpenAI.GlobalStandard.gpt4.1-mini",
            "limit": LIMIT,
        }
    ],
    "accounts": [
        {
            "subscription": SUBSCRIPTION,
            "resource_group": "rg-golden",
            "name": "golden-eus2",
            "region": "eastus2",
            "kind": "OpenAI",
            "deployments": [
                {
                    "name": "code",
                    "model": MODEL,
                    "version": "2025-04-14",
                    "sku": SKU,
                    "capacity": HELD,
                }
            ],
        }
    ],
}


def write_world(folder: Path) -> Path:
    path = folder / "world.json"
    path.write_text(json.dumps(WORLD))
    return path


def trace_file(folder: Path) -> Path:
    """The real Azure trace of 2023 where it is at hand; else a small one of our own, same shape."""
    return REAL_TRACE if REAL_TRACE.exists() else _made_up(folder / "trace.csv")


def _made_up(path: Path) -> Path:
    """58 minutes; every third one far above what is held."""
    begin = datetime(2023, 11, 16, 18, 17)  # noqa: DTZ001  the trace's own times name no zone
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["TIMESTAMP", "ContextTokens", "GeneratedTokens"])
        for minute in range(58):
            count = 400 if minute % 3 == 0 else 20
            for number in range(count):
                at = begin + timedelta(minutes=minute, seconds=60 * number / count)
                tokens = 500 + (number * 37 + minute * 101) % 3000
                writer.writerow([at.isoformat(sep=" ", timespec="microseconds"), tokens, 28])
    return path
