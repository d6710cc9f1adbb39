"""The Monitor plane through the real azure-monitor-querymetrics."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simulator.clock import parse_time
from simulator.tests import worlds
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.raw import raw_batch
from simulator.tests.sdk import NAMESPACE, Sdk, account_id, total
from simulator.tests.worlds import SUBSCRIPTION

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "azure"
HOUR = timedelta(hours=1)
BY_STATUS = "ModelDeploymentName eq '*' and StatusCode eq '*'"
REQUESTS = "AzureOpenAIRequests"
TOKENS = ["ProcessedPromptTokens", "GeneratedTokens"]
CACHE = "AzureOpenAIContextTokensCacheMatchRate"
UTILISATION = "AzureOpenAIProvisionedManagedUtilizationV2"


def test_requests_are_split_by_deployment_and_status(sdk: Sdk):
    series = sdk.series([REQUESTS], BY_STATUS)
    assert set(series) == {
        (REQUESTS, "chat", "200"),
        (REQUESTS, "chat", "429"),
        (REQUESTS, "ptu", "200"),
        (REQUESTS, "ptu", "429"),
    }
    assert {len(points) for points in series.values()} == {60}


def test_raising_capacity_lowers_the_429s_from_the_next_minute_on(
    sdk: Sdk, simulator: SimulatorProcess
):
    sdk.set_capacity("chat", 500)
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    later = parse_time(NOW) + HOUR
    before = sdk.series([REQUESTS], BY_STATUS)
    after = sdk.series([REQUESTS], BY_STATUS, end=later, minutes=57)
    assert total(before[REQUESTS, "chat", "429"]) > 100
    assert (REQUESTS, "chat", "429") not in after


def test_a_past_minute_asked_again_gives_the_same_answer_after_a_write(
    sdk: Sdk, simulator: SimulatorProcess
):
    def answered() -> list[tuple[Any, ...]]:
        series = sdk.series([REQUESTS], BY_STATUS)
        return [(key, [point.total for point in points]) for key, points in series.items()]

    simulator.control("POST", "/clock", {"advance_seconds": 600})
    before = answered()
    sdk.set_capacity("chat", 500)
    assert answered() == before


def test_fresh_minutes_carry_only_their_time_stamp(sdk: Sdk, simulator: SimulatorProcess):
    points = sdk.series(TOKENS)["ProcessedPromptTokens", "chat"]
    assert [point.total is None for point in points] == [False] * 57 + [True] * 3
    simulator.control("POST", "/knobs", {"metrics_latency_minutes": 5})
    points = sdk.series(TOKENS)["ProcessedPromptTokens", "chat"]
    assert [point.total is None for point in points] == [False] * 55 + [True] * 5
    wire = raw_batch(simulator, "ProcessedPromptTokens", filter="ModelDeploymentName eq 'chat'")
    assert set(wire["values"][0]["value"][0]["timeseries"][0]["data"][-1]) == {"timeStamp"}


def test_the_future_has_no_data(sdk: Sdk):
    assert sdk.series(TOKENS, end=parse_time(NOW) + 3 * HOUR) == {}


def test_before_its_creation_a_deployment_has_no_data(sdk: Sdk):
    edge = parse_time("2026-03-01T00:30:00Z")
    points = sdk.series([UTILISATION], end=edge, aggregations=("Average",))[UTILISATION, "ptu"]
    assert [point.average is None for point in points] == [True] * 30 + [False] * 30


def test_minutes_older_than_93_days_are_gone(sdk: Sdk):
    edge = parse_time(NOW) - timedelta(days=93)
    points = sdk.series(TOKENS, end=edge + timedelta(minutes=30))["ProcessedPromptTokens", "chat"]
    assert [point.total is None for point in points] == [True] * 30 + [False] * 30


@pytest.mark.parametrize("name", [*TOKENS, REQUESTS])
def test_an_hour_is_the_sum_of_its_minutes(sdk: Sdk, name: str):
    end = parse_time("2026-03-04T09:00:00Z")
    minutes = sdk.series([name], minutes=180, end=end)[name, "chat"]
    hours = sdk.series([name], minutes=180, end=end, grain=HOUR)[name, "chat"]
    assert len(hours) == 3
    for index, hour in enumerate(hours):
        assert hour.total == total(minutes[index * 60 : index * 60 + 60])


def test_hours_over_whole_days_equal_those_of_parts_of_days(sdk: Sdk):
    """Past days come from kept hour sums, parts of days from their minutes."""
    end = parse_time("2026-03-03T00:00:00Z")
    day = sdk.series(TOKENS, minutes=1440, end=end, grain=HOUR)["GeneratedTokens", "chat"]
    part = sdk.series(TOKENS, minutes=600, end=end, grain=HOUR)["GeneratedTokens", "chat"]
    assert [each.total for each in day[-10:]] == [each.total for each in part]
    assert len(day) == 24


def test_the_running_hour_holds_what_is_visible_of_it(sdk: Sdk):
    end = parse_time("2026-03-04T11:00:00Z")  # now is 10:30
    minutes = sdk.series(TOKENS, minutes=60, end=end)["GeneratedTokens", "chat"]
    hours = sdk.series(TOKENS, minutes=60, end=end, grain=HOUR)["GeneratedTokens", "chat"]
    assert [hour.total for hour in hours] == [total(minutes)]
    assert total(minutes) > 0


def test_spilled_requests_show_429_on_the_ptu_and_200_with_is_spillover(
    sdk: Sdk, simulator: SimulatorProcess
):
    sdk.set_capacity("chat", 500)
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    split = f"{BY_STATUS} and IsSpillover eq '*'"
    series = sdk.series([REQUESTS], split, end=parse_time(NOW) + HOUR, minutes=57)
    spilled = total(series[REQUESTS, "chat", "200", "True"])
    assert spilled == total(series[REQUESTS, "ptu", "429", "False"]) > 0
    assert (REQUESTS, "ptu", "200", "True") not in series


def test_percentages_come_as_averages_with_extremes(sdk: Sdk):
    wanted = ("Average", "Minimum", "Maximum")
    end = parse_time("2026-03-04T09:00:00Z")
    series = sdk.series([UTILISATION, CACHE], aggregations=wanted, grain=HOUR, end=end)
    assert (UTILISATION, "chat") not in series
    point = series[UTILISATION, "ptu"][0]
    assert 0 < point.minimum <= point.average <= point.maximum == 100.0


def test_top_is_ten_unless_asked_for_more(start: Callable[..., SimulatorProcess]):
    twelve = [worlds.deployment(f"d{number}") for number in range(12)]
    simulator = start(worlds.world_of(*twelve))
    counts = [
        len(raw_batch(simulator, REQUESTS, **query)["values"][0]["value"][0]["timeseries"])
        for query in ({"filter": "ModelDeploymentName eq '*'"},
                      {"filter": "ModelDeploymentName eq '*'", "top": "1000"})
    ]  # fmt: skip
    assert counts == [10, 12]


def test_top_and_order_pick_the_busiest(sdk: Sdk, simulator: SimulatorProcess):
    def values(**query: str) -> list[str]:
        wire = raw_batch(simulator, REQUESTS, filter=BY_STATUS, top="1", **query)
        (series,) = wire["values"][0]["value"][0]["timeseries"]
        return [each["value"] for each in series["metadatavalues"]]

    totals = {key[1:]: total(points) for key, points in sdk.series([REQUESTS], BY_STATUS).items()}
    by_total = sorted(totals, key=lambda key: totals[key])
    assert values(orderby="total desc") == list(by_total[-1])
    assert values(orderby="total asc") == list(by_total[0])


def test_without_a_filter_an_account_has_one_series(sdk: Sdk):
    series = sdk.series([REQUESTS], "")
    split = sdk.series([REQUESTS], BY_STATUS)
    assert set(series) == {(REQUESTS,)}
    assert total(series[(REQUESTS,)]) == sum(total(points) for points in split.values())


@pytest.mark.parametrize(
    ("split", "deployments"),
    [
        ("ModelDeploymentName eq 'CHAT'", {"chat"}),
        ("modeldeploymentname eq 'chat' or ModelDeploymentName eq 'ptu'", {"chat", "ptu"}),
        ("(ModelDeploymentName eq 'chat')", {"chat"}),
        ("ModelDeploymentName eq 'nobody''s'", set()),
    ],
)
def test_filters_pick_values_without_case(sdk: Sdk, split: str, deployments: set[str]):
    assert {key[1] for key in sdk.series(TOKENS, split)} == deployments


def test_one_metric_may_fail_inside_a_good_answer(simulator: SimulatorProcess):
    error = {"errorCode": "Throttled", "errorMessage": "Too many requests for this metric."}
    simulator.control("POST", "/knobs", {"metric_errors": {"GeneratedTokens": error}})
    wire = raw_batch(simulator, ",".join(TOKENS), filter="ModelDeploymentName eq '*'")
    prompt, generated = wire["values"][0]["value"]
    assert (prompt["errorCode"], bool(prompt["timeseries"])) == ("Success", True)
    assert (generated["errorCode"], generated["timeseries"]) == ("Throttled", [])


def test_dimension_names_come_in_lower_case_and_fields_as_in_the_official_example(
    simulator: SimulatorProcess,
):
    wire = raw_batch(simulator, REQUESTS, filter=BY_STATUS)
    series = wire["values"][0]["value"][0]["timeseries"][0]
    names = [each["name"]["value"] for each in series["metadatavalues"]]
    assert names == ["modeldeploymentname", "statuscode"]
    found = list(REFERENCE.rglob("MetricBatchExample*.json"))
    if not found:
        pytest.skip("the official example is not at hand")
    official = json.loads(found[0].read_text())["responses"]["200"]["body"]["values"][0]
    assert set(official) == set(wire["values"][0])
    assert set(official["value"][0]) == set(wire["values"][0]["value"][0])


def test_windows_are_cut_to_whole_grains_as_in_the_official_example(simulator: SimulatorProcess):
    wire = raw_batch(
        simulator,
        REQUESTS,
        interval="PT15M",
        starttime="2026-03-03T20:00:00.123Z",
        endtime="2026-03-03T23:00:00.345Z",
    )
    data = wire["values"][0]["value"][0]["timeseries"][0]["data"]
    assert len(data) == 12
    assert (data[0]["timeStamp"], data[-1]["timeStamp"]) == (
        "2026-03-03T20:00:00Z",
        "2026-03-03T22:45:00Z",
    )


def test_newer_metrics_agree_with_the_older_ones(sdk: Sdk):
    names = [*TOKENS, "TokenTransaction", "InputTokens", "OutputTokens", "TotalTokens"]
    series = {key[0]: total(points) for key, points in sdk.series(names).items() if "chat" in key}
    assert series["InputTokens"] == series["ProcessedPromptTokens"]
    assert series["OutputTokens"] == series["GeneratedTokens"]
    assert series["TotalTokens"] == series["TokenTransaction"]
    assert series["TotalTokens"] == series["InputTokens"] + series["OutputTokens"]


def test_large_answers_are_compressed_and_connections_are_kept(simulator: SimulatorProcess):
    token = simulator.token("https://metrics.monitor.azure.com")
    url = (
        f"/metrics/eastus2/subscriptions/{SUBSCRIPTION}/metrics:getBatch?api-version=1"
        f"&metricnamespace={NAMESPACE}&metricnames={REQUESTS}"
    )
    with simulator.http() as http:
        streams = set()
        for _ in range(3):
            answer = http.post(
                url,
                headers={"Authorization": f"Bearer {token}"},
                json={"resourceids": [account_id("one")]},
            )
            streams.add(answer.extensions["network_stream"].get_extra_info("client_addr"))
    assert answer.headers["content-encoding"] == "gzip"
    assert len(streams) == 1
