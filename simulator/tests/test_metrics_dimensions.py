"""Every metric and every dimension of the catalogue through the real SDK."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.metrics_catalogue import METRICS, Source, find_metric
from simulator.metrics_parts import emits
from simulator.tests import worlds
from simulator.tests.conftest import azure_environment
from simulator.tests.process import SimulatorProcess, serving
from simulator.tests.sdk import Sdk, total

CATALOGUE = Path(__file__).parents[3] / "shared" / "reference" / "azure" / "metrics-catalogue.json"
REQUESTS = "AzureOpenAIRequests"
BY_DEPLOYMENT = "ModelDeploymentName eq '*'"
PERCENT = {"AzureOpenAIAvailabilityRate", "ModelAvailabilityRate"}
DIMENSIONS = find_metric(REQUESTS).dimensions  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """Busy callers of all kinds: a full standard deployment, and a full provisioned one."""
    kinds = worlds.profile(
        stream_share=0.4, priority_share=0.3, bad_request_share=0.05, server_error_share=0.05,
        cache_match_percent=25, api_name="v1",
    )  # fmt: skip
    ptu = worlds.provisioned(traffic=kinds | {"api_name": "v2"}, spillover_deployment_name="chat")
    raw = worlds.world_of(worlds.deployment(capacity=70, traffic=kinds), ptu)
    with serving(tmp_path_factory.mktemp("dimensions"), raw) as process:
        yield process


@pytest.fixture
def busy(process: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    """The SDK on it, its clock standing still."""
    process.control("POST", "/reset")
    process.control("POST", "/clock", {"at": "2026-03-04T10:30:00Z", "frozen": True})
    yield from azure_environment(process, monkeypatch)


def test_the_catalogue_is_that_of_the_documentation():
    if not CATALOGUE.is_file():
        pytest.skip("the documented catalogue is not at hand")
    documented = json.loads(CATALOGUE.read_text())["metrics"]
    assert [each["name"] for each in documented] == [metric.name for metric in METRICS]
    for row, metric in zip(documented, METRICS, strict=True):
        assert (row["displayName"], row["unit"]) == (metric.label, metric.unit)
        assert {each.lower() for each in row["dimensions"]} == set(metric.dimensions)
        assert {each.lower() for each in row["aggregations"]} == set(metric.aggregations)


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_metric_answers_with_all_its_aggregations(busy: Sdk, metric: Any):
    names = tuple(each.capitalize() for each in metric.aggregations)
    series = busy.series([metric.name], BY_DEPLOYMENT, aggregations=names)
    if metric.source is Source.NOTHING:
        assert series == {}
        return
    provisioned = metric.provisioned_only or metric.source is Source.UTILISATION
    assert {key[1] for key in series} == ({"ptu"} if provisioned else {"chat", "ptu"})
    point = series[metric.name, "ptu"][10]
    for name in metric.aggregations:
        assert getattr(point, name) > 0 or (name == "minimum" and metric.name in PERCENT)
    if "minimum" in metric.aggregations:
        assert point.minimum <= point.average <= point.maximum


@pytest.mark.parametrize("name", [REQUESTS, "ModelRequests"])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_a_split_by_any_dimension_sums_to_the_whole_in_every_minute(
    busy: Sdk, name: str, dimension: str
):
    whole = busy.series([name], "")[(name,)]
    parts = list(busy.series([name], f"{dimension} eq '*'").values())
    for place, point in enumerate(whole):
        assert sum(part[place].total or 0 for part in parts) == (point.total or 0)


def test_a_split_by_everything_at_once_sums_to_the_whole(busy: Sdk):
    everything = " and ".join(f"{dimension} eq '*'" for dimension in DIMENSIONS)
    parts = busy.series([REQUESTS], everything)
    assert sum(map(total, parts.values())) == total(busy.series([REQUESTS], "")[(REQUESTS,)])
    assert len(parts) > 20


def test_dimensions_have_the_values_that_callers_and_traffic_give_them(busy: Sdk):
    def values(dimension: str) -> set[str]:
        return {key[1] for key in busy.series([REQUESTS], f"{dimension} eq '*'")}

    assert values("StatusCode") == {"200", "400", "429", "500"}
    assert values("StreamType") == {"Streaming", "Non-Streaming"}
    assert values("IsSpillover") == {"True", "False"}
    assert values("ServiceTierRequest") == values("ServiceTierResponse") == {"priority", "default"}
    assert values("ApiName") == {"v1", "v2"}
    assert values("OperationName") == {"ChatCompletions_Create"}
    assert values("Region") == {worlds.REGION}


def test_shares_come_out_as_the_world_file_says(busy: Sdk):
    series = busy.series([REQUESTS], "StreamType eq '*' and StatusCode eq '200'", minutes=600)
    counts = {key[1]: total(points) for key, points in series.items()}
    share = counts["Streaming"] / sum(counts.values())
    assert share == pytest.approx(0.4, abs=0.02)


def test_active_tokens_are_all_tokens_less_cached_ones(busy: Sdk):
    names = ["ActiveTokens", "TotalTokens", "InputTokens"]
    sums = {key[0]: total(points) for key, points in busy.series(names).items() if "ptu" in key}
    cached = sums["TotalTokens"] - sums["ActiveTokens"]
    assert cached / sums["InputTokens"] == pytest.approx(0.25, abs=0.02)


def test_both_families_and_both_utilisations_agree(busy: Sdk):
    pairs = {
        "AzureOpenAIProvisionedManagedUtilization": "AzureOpenAIProvisionedManagedUtilizationV2",
        "AzureOpenAITTLTInMS": "TimeToLastByte",
        "AzureOpenAITokenPerSecond": "TokensPerSecond",
        "AzureOpenAIAvailabilityRate": "ModelAvailabilityRate",
        "AzureOpenAITimeToResponse": "TimeToResponse",
    }
    names = [*pairs, *pairs.values()]
    series = busy.series(names, aggregations=("Average",))
    for older, newer in pairs.items():
        values = [[p.average for p in series[name, "ptu"]] for name in (older, newer)]
        assert values[0] == values[1]


def test_availability_is_the_share_of_calls_without_a_server_error(busy: Sdk):
    hour = timedelta(hours=1)
    end = worlds.parse_time("2026-03-04T09:00:00Z")
    rate = busy.series(["AzureOpenAIAvailabilityRate"], "", aggregations=("Average",), grain=hour,
                       end=end)[("AzureOpenAIAvailabilityRate",)]  # fmt: skip
    counts: Counter[str] = Counter()
    for key, points in busy.series([REQUESTS], "StatusCode eq '*'", end=end).items():
        counts[key[1]] += int(total(points))
    expected = 100 * (1 - counts["500"] / sum(counts.values()))
    assert rate[0].average == pytest.approx(expected)


def test_refusals_answer_faster_than_answers(busy: Sdk):
    by_status = f"{BY_DEPLOYMENT} and StatusCode eq '*'"
    series = busy.series(["TimeToResponse"], by_status, aggregations=("Average",))
    assert series["TimeToResponse", "chat", "429"][0].average == 15.0
    assert series["TimeToResponse", "chat", "200"][0].average > 300


def test_answers_are_slower_when_the_deployment_is_fuller(busy: Sdk, process: SimulatorProcess):
    def last_byte(sdk: Sdk, end: str) -> float:
        points = sdk.series(["TimeToLastByte"], aggregations=("Average",), minutes=30,
                            end=worlds.parse_time(end))["TimeToLastByte", "chat"]  # fmt: skip
        return sum(point.average for point in points) / len(points)

    busy.set_capacity("chat", 700)
    process.control("POST", "/clock", {"advance_seconds": 3600})
    full, roomy = last_byte(busy, "2026-03-04T10:30:00Z"), last_byte(busy, "2026-03-04T11:20:00Z")
    assert full > 2 * roomy


def test_whether_a_spilled_request_also_counts_as_429_is_a_knob(
    busy: Sdk, process: SimulatorProcess
):
    split = f"{BY_DEPLOYMENT} and StatusCode eq '*' and IsSpillover eq '*'"
    counted = busy.series([REQUESTS], split)
    process.control("POST", "/knobs", {"spilled_counts_as_429": False})
    without = busy.series([REQUESTS], split)
    on_ptu = (REQUESTS, "ptu", "429", "False")
    assert total(counted[on_ptu]) > 0
    assert on_ptu not in without
    del counted[on_ptu]
    assert {k: total(v) for k, v in counted.items()} == {k: total(v) for k, v in without.items()}


def test_models_of_other_publishers_emit_the_newer_family_only():
    deployment = worlds.parsed(worlds.world_of(worlds.deployment())).deployments[0]
    other = replace(deployment, model=replace(deployment.model, format="Meta"))
    names = {metric.name for metric in METRICS if emits(metric, other)}
    assert "ModelRequests" in names
    assert "InputTokens" in names
    assert not any(name.startswith("AzureOpenAI") for name in names)
    assert "ProcessedPromptTokens" not in names
    assert REQUESTS in {metric.name for metric in METRICS if emits(metric, deployment)}
