"""``python -m simulator.bench [--quick]``: how fast Monitor's answers are made, in this process.

A day of all metrics for 1,000 deployments (100 with ``--quick``), split by deployment, minute by
minute, as response bytes; an account of twenty deployments at a time. Progress goes to stderr, the
last line of stdout is one JSON object; ``points_per_s`` counts data points as they are sent.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from simulator.clock import Clock, parse_time
from simulator.metrics import answer_bytes
from simulator.metrics_catalogue import METRICS
from simulator.metrics_query import MetricsQuery, Window
from simulator.state import State
from simulator.world import Account

_SUBSCRIPTION = "33333333-3333-4333-8333-333333333333"
_NOW = "2026-03-04T00:30:00Z"
_DAY = int(parse_time("2026-03-03T00:00:00Z").timestamp()) // 60
_PER_ACCOUNT = 20
_PROFILES = ("office", "steady", "spiky", "night_batch")


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m simulator.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="100 deployments, not 1,000")
    quick = parser.parse_args(arguments).quick
    print(json.dumps(measure(100 if quick else 1000)))


def measure(deployments: int) -> dict[str, Any]:
    """Seconds of traffic (what was served) and of answers, and points per second of both."""
    with tempfile.TemporaryDirectory() as folder:
        state = _state(Path(folder), deployments)
        traffic = answers = 0.0
        points = size = 0
        for account in state.world.accounts:
            began = time.perf_counter()
            for deployment in account.deployments:
                state.served.day(deployment, _DAY // 1440)
            served = time.perf_counter()
            body = answer_bytes(state, _query(account))
            done = time.perf_counter()
            traffic, answers = traffic + served - began, answers + done - served
            points, size = points + body.count(b'{"timeStamp"'), size + len(body)
            print(f"{account.name}: {points:,} points", file=sys.stderr)
    seconds = traffic + answers
    return {
        "bench": "simulator",
        "deployments": deployments,
        "points": points,
        "megabytes": round(size / 1e6, 1),
        "traffic_s": round(traffic, 3),
        "answers_s": round(answers, 3),
        "points_per_s": round(points / seconds),
        "answer_points_per_s": round(points / answers),
    }


def _query(account: Account) -> MetricsQuery:
    return MetricsQuery(
        metrics=METRICS,
        aggregations=frozenset(),
        window=Window(_DAY, _DAY + 1440, 1),
        start_text="",
        end_text="",
        interval="PT1M",
        split={"modeldeploymentname": None},
        rolled_up=frozenset(),
        top=None,
        order=None,
        accounts=(account,),
    )


def _state(folder: Path, deployments: int) -> State:
    stored = {
        "loaded_at": "2026-03-02T00:00:00Z",
        "world": _world(deployments),
        "clock": {"frozen_at": _NOW},
    }
    return State(folder, stored, Clock())


def _world(deployments: int) -> dict[str, Any]:
    """Accounts of twenty; one deployment in ten is provisioned."""
    usage_names = ("OpenAI.GlobalStandard.gpt-4o", "OpenAI.GlobalProvisionedManaged")
    return {
        "name": "bench",
        "seed": 1,
        "subscriptions": [{"id": _SUBSCRIPTION, "name": "Bench", "quota_tier": "Tier 6"}],
        "limits": [
            {
                "subscription": _SUBSCRIPTION,
                "region": "eastus2",
                "usage_name": name,
                "limit": 1_000_000,
            }
            for name in usage_names
        ],
        "accounts": [
            {
                "subscription": _SUBSCRIPTION,
                "resource_group": "rg-bench",
                "name": f"bench-{number:03}",
                "region": "eastus2",
                "deployments": [_deployment(n) for n in range(_PER_ACCOUNT)],
            }
            for number in range(deployments // _PER_ACCOUNT)
        ],
    }


def _deployment(number: int) -> dict[str, Any]:
    provisioned = number % 10 == 0
    return {
        "name": f"d{number:02}",
        "model": "gpt-4o",
        "version": "2024-11-20",
        "sku": "GlobalProvisionedManaged" if provisioned else "GlobalStandard",
        "capacity": 30 if provisioned else 60,
        "traffic": {
            "kind": "profile",
            "profile": _PROFILES[number % len(_PROFILES)],
            "peak_requests_per_minute": 60,
            "prompt_tokens": 1000,
            "generated_tokens": 200,
            "cache_match_percent": 20,
        },
    }


if __name__ == "__main__":
    main()
