"""More than 200 incidents of a simulated Azure: what the rule says against what really happened.

Minutes come over HTTPS through the production adapter; the truth from `GET /_sim/truth`. Run with
`-s` for the tables: right and wrong by cause and confidence, errors of what is estimated.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from portal.cloud.clients import forget_clients
from portal.cloud.credentials import forget_credentials
from portal.cloud.metrics import AzureMetrics
from portal.kernel.windows import MINUTE, Window
from portal.tests.incident_world import (
    ACCOUNT,
    REGION,
    SPILL_TARGET,
    SPILLER,
    SUBSCRIPTION,
    Planned,
    planned,
    world_of,
)
from showback.domain.lost_demand import unique_share
from showback.domain.measures import MISSING
from showback.domain.throttling import Cause, Confidence, Incident, Minutes, Verdict
from showback.domain.throttling_causes import explained
from stack import simulator_process
from stack.simulator_process import SimulatorProcess

SEED = 11
FIRST, DAYS = datetime(2026, 3, 2, tzinfo=UTC), 2
WINDOW = Window(FIRST, FIRST + timedelta(days=DAYS))
RESOURCE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-one/providers"
    f"/Microsoft.CognitiveServices/accounts/{ACCOUNT}"
)
# What the simulator calls a cause, as the rule calls it. max_tokens is how a limit counts.
CAUSES = {
    "lowered_limit": Cause.LIMIT_LOWERED,
    "neighbour": Cause.NEIGHBOUR,
    "max_tokens": Cause.TOKENS,
    "request_slices": Cause.REQUEST_SLICES,
    "requests_per_minute": Cause.REQUESTS,
    "tokens_per_minute": Cause.TOKENS,
    "ptu_full": Cause.PTU_FULL,
}


@dataclass(frozen=True)
class Judged:
    plan: Planned
    truth: Cause
    verdict: Verdict
    lost: int
    estimate: int
    is_planned: bool  # the largest of its span; others are its fringe


@pytest.fixture(scope="module")
def plans() -> list[Planned]:
    return planned(FIRST, DAYS, seed=SEED)


@pytest.fixture(scope="module")
def azure(
    tmp_path_factory: pytest.TempPathFactory, plans: list[Planned]
) -> Iterator[SimulatorProcess]:
    folder: Path = tmp_path_factory.mktemp("incidents")
    file = folder / "world.json"
    file.write_text(json.dumps(world_of(plans, seed=SEED)), encoding="utf-8")
    clock = (WINDOW.end + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    with simulator_process.start(folder / "state", world=file, clock=clock) as running:
        for plan in plans:
            for begin, end in plan.spans if plan.lowered else ():
                where = {"account": ACCOUNT, "deployment": plan.name, "factor": plan.lowered}
                times = {"from": begin.isoformat(), "until": end.isoformat()}
                running.control("POST", "/lowered_limits", where | times)
        yield running


@pytest.fixture(scope="module")
def series(azure: SimulatorProcess) -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        return _pulled(azure, patch)


@pytest.fixture(scope="module")
def judged(azure: SimulatorProcess, plans: list[Planned], series: dict[str, Any]) -> list[Judged]:
    return [
        found
        for plan in plans
        for found in _judge(plan, series[plan.name], _truth(azure, plan.name))
    ]


def _pulled(azure: SimulatorProcess, patch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Minutes by deployment, as the portal reads them."""
    from django.conf import settings

    for name, value in azure.environment.items():
        patch.setenv(name, value)
    patch.setattr(settings, "AZURE_METRICS_ENDPOINT", azure.environment["AZURE_METRICS_ENDPOINT"])
    forget_clients()
    forget_credentials()
    answer = AzureMetrics().pull(
        subscription_id=SUBSCRIPTION,
        region=REGION,
        account_resource_ids=[RESOURCE],
        window=WINDOW,
        grain=MINUTE,
    )
    forget_clients()
    forget_credentials()
    assert answer.problems == ()
    return {name: series.values for (_, name), series in answer.series.items()}


def _truth(azure: SimulatorProcess, name: str) -> dict[str, Any]:
    query = (
        f"account={ACCOUNT}&deployment={name}&from={_iso(WINDOW.start)}&until={_iso(WINDOW.end)}"
    )
    rows = azure.control("GET", f"/truth?{query}")["minutes"]
    return {key: np.array([row[key] for row in rows]) for key in rows[0] if key != "at"}


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _judge(plan: Planned, series: Any, truth: dict[str, Any]) -> list[Judged]:
    minutes = _minutes(plan, series, truth)
    share = unique_share(minutes.served, minutes.refused)
    found = explained(minutes, most=10_000, unique=share.likely)
    largest = {_largest(span, found) for span in plan.spans}
    return [
        Judged(
            plan,
            cause,
            verdict,
            int(truth["refused"][incident.span].sum()),
            share.requests(incident.requests)[0],
            incident.start in largest,
        )
        for incident, verdict in found
        if (cause := _cause(truth, incident)) is not None
    ]


def _minutes(plan: Planned, series: Any, truth: dict[str, Any]) -> Minutes:
    """What a gateway would have measured of the neighbour is taken from the truth."""
    values = {name: np.maximum(np.asarray(series[name]), 0) for name in series}
    gap = np.full(int(WINDOW.length / MINUTE), MISSING, dtype=np.int64)
    is_provisioned = plan.kind == "ptu"
    wanted = np.maximum(truth["demanded_requests"], 1)
    own = 1000 * (truth["demanded_requests"] - truth["neighbour_requests"]) // wanted
    return Minutes(
        prompt=values["prompt"],
        generated=values["generated"],
        load=values["prompt"] + values["generated"],
        answered=values["ok"],
        served=values["ok"] + values["other"],
        refused=values["throttled"],
        by_gateway=gap,
        token_limit=gap if is_provisioned else 0 * gap + plan.units * 1000,
        request_limit=gap if is_provisioned else 0 * gap + plan.units * 6,
        utilisation_percent=np.asarray(series["utilisation_percent"]),
        own_share=own if plan.kind == "neighbour" else gap,
        is_provisioned=is_provisioned,
        is_shared=plan.kind == "neighbour",
    )


def _largest(span: tuple[datetime, datetime], found: list[tuple[Incident, Verdict]]) -> int | None:
    """Where the incident of most refusals within a planned span begins."""
    first, last = (int((at - WINDOW.start) / MINUTE) for at in span)
    inside = [each for each, _ in found if each.start < last and each.end > first]
    return max(inside, key=lambda each: each.requests).start if inside else None


def _cause(truth: dict[str, Any], incident: Incident) -> Cause | None:
    totals: Counter[Cause] = Counter()
    for name, cause in CAUSES.items():
        totals[cause] += int(truth[f"refused_by_{name}"][incident.span].sum())
    cause, refused = totals.most_common(1)[0]
    return cause if refused else None


# ── What must hold ────────────────────────────────────────────────────────────────────────────


def test_no_cause_is_wrong_at_high_confidence(judged: list[Judged]) -> None:
    _print_causes(judged)
    wrong = [
        (each.plan.name, each.truth, each.verdict)
        for each in judged
        if each.verdict.confidence == Confidence.HIGH and each.verdict.cause != each.truth
    ]
    assert wrong == []


def test_four_of_five_planned_incidents_are_explained_rightly(judged: list[Judged]) -> None:
    incidents = [each for each in judged if each.is_planned]
    assert len(incidents) >= 200
    right = sum(each.verdict.cause == each.truth for each in incidents)
    assert right / len(incidents) >= 0.8


def test_lost_demand_is_within_a_fifth_of_the_truth_at_every_retry_factor(
    judged: list[Judged],
) -> None:
    by_factor: dict[float, list[Judged]] = defaultdict(list)
    for each in judged:
        if each.is_planned:
            by_factor[each.plan.retry_factor].append(each)
    print("\nlost demand: retry factor, incidents, error of all together, median, within 20 %")
    for factor, some in sorted(by_factor.items()):
        errors = np.array([each.estimate / max(each.lost, 1) - 1 for each in some])
        total = sum(each.estimate for each in some) / sum(each.lost for each in some) - 1
        inside = float((np.abs(errors) <= 0.2).mean())
        middle = float(np.median(errors))
        print(f"  {factor:.1f} {len(some):4d} {total:+7.1%} {middle:+7.1%} {inside:6.0%}")
        assert abs(total) <= 0.2
        assert abs(middle) <= 0.2


def test_estimates_of_cached_and_spilled_quantities_are_close_to_the_truth(
    azure: SimulatorProcess, series: dict[str, Any]
) -> None:
    """Match rate × prompt; tokens of the target by the share of its spilled requests."""
    ptu, target = series[SPILLER], series[SPILL_TARGET]
    truth, there = _truth(azure, SPILLER), _truth(azure, SPILL_TARGET)
    tokens = target["prompt"] + target["generated"]
    share = target["spilled"] / np.maximum(target["spilled"] + target["ok"], 1)
    wanted = truth["demanded_prompt_tokens"] + truth["demanded_generated_tokens"]
    assert there["spilled_in_refused"].sum() == 0  # so what the units refused is what spilled
    found = {
        "cached prompt tokens": (
            int((ptu["prompt"] * np.maximum(ptu["cache_percent"], 0) // 100).sum()),
            int(truth["cached_prompt_tokens"].sum()),
        ),
        "spilled requests": (
            int(target["spilled"].sum()),
            int(there["spilled_in_served"].sum()),
        ),
        "spilled tokens": (
            int((tokens * share).sum()),
            int(wanted.sum() - ptu["prompt"].sum() - ptu["generated"].sum()),
        ),
    }
    print("\nestimated quantity: estimate, truth, error")
    for name, (estimate, true) in found.items():
        print(f"  {name:20} {estimate:12,} {true:12,} {estimate / true - 1:+7.2%}")
        assert estimate == pytest.approx(true, rel=0.05)


def _print_causes(judged: list[Judged]) -> None:
    incidents = [each for each in judged if each.is_planned]
    table = Counter((each.truth, each.verdict.cause, each.verdict.confidence) for each in incidents)
    print(f"\n{len(incidents)} planned incidents, {len(judged)} with their fringes")
    print("truth            said             confidence  incidents")
    for (truth, cause, sure), count in sorted(table.items()):
        mark = "" if truth == cause else "  ?" if cause == Cause.CANNOT_TELL else "  wrong"
        print(f"{truth:16} {cause:16} {sure or '–':10} {count:6d}{mark}")
