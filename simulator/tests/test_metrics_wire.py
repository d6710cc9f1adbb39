"""Monitor's manners: granularities, order, roll-ups, late points, what is refused, determinism."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from simulator.clock import parse_time
from simulator.tests import worlds
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.raw import raw_batch
from simulator.tests.sdk import GROUP, NAMESPACE, Sdk, account_id, total

REQUESTS, PROMPT = "AzureOpenAIRequests", "ProcessedPromptTokens"
UTILISATION = "AzureOpenAIProvisionedManagedUtilizationV2"
BY_DEPLOYMENT = "ModelDeploymentName eq '*'"
DAY_END = parse_time("2026-03-04T00:00:00Z")


def points(wire: dict[str, Any]) -> list[dict[str, Any]]:
    """The points of the first series of the first metric."""
    found: list[dict[str, Any]] = wire["values"][0]["value"][0]["timeseries"][0]["data"]
    return found


@pytest.mark.parametrize("minutes", [5, 15, 30, 60, 360, 720, 1440])
def test_every_granularity_sums_the_minutes_of_a_day(sdk: Sdk, minutes: int):
    grain = timedelta(minutes=minutes)
    coarse = sdk.series([PROMPT], minutes=1440, end=DAY_END, grain=grain)[PROMPT, "chat"]
    fine = sdk.series([PROMPT], minutes=1440, end=DAY_END)[PROMPT, "chat"]
    assert len(coarse) == 1440 // minutes
    assert [each.total for each in coarse] == [
        total(fine[start : start + minutes]) for start in range(0, 1440, minutes)
    ]


def test_full_is_one_point_over_the_whole_window(sdk: Sdk, simulator: SimulatorProcess):
    wire = raw_batch(
        simulator, PROMPT, interval="FULL", filter="ModelDeploymentName eq 'chat'",
        starttime="2026-03-02T10:17:00Z", endtime="2026-03-04T10:17:00Z",
    )  # fmt: skip
    (point,) = points(wire)
    end = parse_time("2026-03-04T10:17:00Z")
    minutes = sdk.series([PROMPT], minutes=2880, end=end)[PROMPT, "chat"]
    assert point == {"timeStamp": "2026-03-02T10:17:00Z", "total": total(minutes)}


def test_full_averages_and_takes_extremes_over_all_days(sdk: Sdk, simulator: SimulatorProcess):
    wire = raw_batch(
        simulator, UTILISATION, interval="full", aggregation="Average,Minimum,Maximum",
        starttime="2026-03-02T00:00:00Z", endtime="2026-03-04T00:00:00Z",
    )  # fmt: skip
    (point,) = points(wire)
    names = ("Average", "Minimum", "Maximum")
    fine = sdk.series([UTILISATION], minutes=2880, end=DAY_END, aggregations=names)
    values = fine[UTILISATION, "ptu"]
    assert point["average"] == pytest.approx(sum(each.average for each in values) / 2880)
    assert point["minimum"] == min(each.minimum for each in values)
    assert point["maximum"] == max(each.maximum for each in values)


def test_durations_may_be_written_in_other_ways(simulator: SimulatorProcess):
    window = {"starttime": "2026-03-03T00:00:00Z", "endtime": "2026-03-04T00:00:00Z"}
    for same in (("PT60M", "PT1H"), ("PT24H", "P1D"), ("P0DT12H", "pt12h")):
        answers = [points(raw_batch(simulator, PROMPT, interval=each, **window)) for each in same]
        assert answers[0] == answers[1]


def test_without_interval_and_window_the_last_hour_comes_by_the_minute(
    simulator: SimulatorProcess,
):
    data = points(raw_batch(simulator, PROMPT))
    stamps = [each["timeStamp"] for each in data]
    assert (len(stamps), stamps[0]) == (60, "2026-03-04T09:30:00Z")


def test_without_aggregation_each_metric_answers_its_own(simulator: SimulatorProcess):
    wire = raw_batch(simulator, f"{PROMPT},{UTILISATION}")
    prompt, utilisation = (each["timeseries"][0]["data"][0] for each in wire["values"][0]["value"])
    assert (set(prompt), set(utilisation)) == ({"timeStamp", "total"}, {"timeStamp", "average"})


def test_a_roll_up_filters_without_telling_apart(sdk: Sdk, simulator: SimulatorProcess):
    split = f"{BY_DEPLOYMENT} and StatusCode eq '200'"
    wire = raw_batch(simulator, REQUESTS, filter=split, rollupby="statuscode", top="100")
    rolled = {
        series["metadatavalues"][0]["value"]: sum(p.get("total", 0) for p in series["data"])
        for series in wire["values"][0]["value"][0]["timeseries"]
        if len(series["metadatavalues"]) == 1
    }
    apart = {key[1]: total(found) for key, found in sdk.series([REQUESTS], split).items()}
    assert rolled == apart
    whole = raw_batch(simulator, REQUESTS, filter=split, rollupby="StatusCode,ModelDeploymentName")
    (only,) = whole["values"][0]["value"][0]["timeseries"]
    assert only["metadatavalues"] == []
    assert sum(p.get("total", 0) for p in only["data"]) == sum(apart.values())


@pytest.mark.parametrize("order", ["total", "sum", "total asc", "SUM ASC"])
def test_order_is_rising_unless_said_otherwise(simulator: SimulatorProcess, order: str):
    def sums(text: str) -> list[float]:
        wire = raw_batch(simulator, REQUESTS, filter=BY_DEPLOYMENT, orderby=text)
        series = wire["values"][0]["value"][0]["timeseries"]
        return [sum(point.get("total", 0) for point in each["data"]) for each in series]

    assert sums(order) == sorted(sums(order))
    assert sums("total desc") == sums(order)[::-1]


def test_top_counts_with_a_filter_only(simulator: SimulatorProcess):
    wire = raw_batch(simulator, REQUESTS, top="1")
    assert len(wire["values"][0]["value"][0]["timeseries"]) == 1
    assert raw_batch(simulator, REQUESTS, top="nonsense") == wire


def test_no_match_is_an_empty_list_of_series(simulator: SimulatorProcess):
    wire = raw_batch(simulator, REQUESTS, filter="ModelDeploymentName eq 'nobody'")
    assert wire["values"][0]["value"][0]["timeseries"] == []
    assert wire["values"][0]["value"][0]["errorCode"] == "Success"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"aggregation": "Average"}, "does not support requested aggregation type: average"),
        ({"aggregation": "Total,Count"}, "does not support requested aggregation type: count"),
        ({"aggregation": "Median"}, "Invalid aggregation type 'median'"),
        ({"orderby": "busiest first"}, "Invalid orderby"),
        ({"rollupby": "Weather"}, "does not support requested dimension combination"),
        ({"interval": "PT"}, "Invalid time grain"),
    ],
)
def test_what_a_metric_cannot_answer_is_400(
    simulator: SimulatorProcess, query: dict[str, str], sentence: str
):
    with pytest.raises(AssertionError, match=sentence):
        raw_batch(simulator, REQUESTS, **query)


def test_without_monitoring_reader_the_answer_is_403(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"denied_actions": ["Microsoft.Insights/metrics/read"]})
    with pytest.raises(HttpResponseError, match="does not have authorization") as caught:
        sdk.series([REQUESTS])
    assert caught.value.status_code == 403


def test_late_points_grow_until_they_are_whole(sdk: Sdk, simulator: SimulatorProcess):
    def latest() -> list[float | None]:
        end = parse_time("2026-03-04T10:27:00Z")
        series = sdk.series([PROMPT], minutes=12, end=end)
        return [point.total for point in series[PROMPT, "chat"]]

    whole = latest()
    simulator.control("POST", "/knobs", {"late_points": 10})
    seen = [latest()]
    for _ in range(12):
        simulator.control("POST", "/clock", {"advance_seconds": 60})
        seen.append(latest())
    newest = [each[-1] or 0 for each in seen]
    assert newest == sorted(newest)
    assert len(set(newest)) > 9
    assert 0 < newest[0] < 0.2 * (whole[-1] or 0)
    assert all((part or 0) <= (final or 0) for part, final in zip(seen[0], whole, strict=True))
    assert seen[-1] == whole


def test_a_deleted_deployment_stays_in_the_metrics_of_its_time(
    sdk: Sdk, simulator: SimulatorProcess
):
    simulator.control(
        "POST", "/edit", {"action": "delete", "account": "two", "deployment": "other"}
    )
    simulator.control("POST", "/clock", {"advance_seconds": 1800})
    end = parse_time(NOW) + timedelta(minutes=20)
    series = sdk.series([PROMPT], account="two", end=end, minutes=40)[PROMPT, "other"]
    assert [point.total is not None for point in series] == [True] * 20 + [False] * 20


def test_a_window_of_93_days_can_be_asked_at_once(sdk: Sdk):
    days = sdk.series([PROMPT], minutes=93 * 1440, end=DAY_END, grain=timedelta(days=1))
    assert len(days[PROMPT, "chat"]) == 93
    assert all(point.total for point in days[PROMPT, "chat"][1:])


def test_two_simulators_of_one_seed_and_clock_answer_the_same_bytes(
    start: Callable[..., SimulatorProcess],
):
    raw = worlds.world_of(
        worlds.deployment(capacity=70, traffic=worlds.profile(stream_share=0.4, retry_factor=2)),
        worlds.provisioned(spillover_deployment_name="chat"),
    )
    calls = [
        {"metricnames": REQUESTS, "filter": f"{BY_DEPLOYMENT} and StatusCode eq '*'"},
        {"metricnames": f"TimeToLastByte,{UTILISATION}", "aggregation": "Average,Maximum"},
        {"metricnames": PROMPT, "interval": "PT1H", "starttime": "2026-03-01",
         "endtime": "2026-03-04"},
    ]  # fmt: skip

    def answers(order: int) -> list[bytes]:
        simulator = start(raw)
        simulator.control("POST", "/clock", {"at": NOW, "frozen": True})
        found = [batch_bytes(simulator, call) for call in calls[::order]][::order]
        truth = "/truth?account=one&deployment=chat&from=2026-03-03&until=2026-03-04"
        return [*found, repr(simulator.control("GET", truth)).encode()]

    assert answers(1) == answers(-1)


def batch_bytes(simulator: SimulatorProcess, query: dict[str, str]) -> bytes:
    """The body of an answer as it came."""
    headers = {"Authorization": f"Bearer {simulator.token('https://metrics.monitor.azure.com')}"}
    base = {"api-version": "2024-02-01", "metricnamespace": NAMESPACE}
    with simulator.http() as http:
        answer = http.post(
            f"/metrics/eastus2/subscriptions/{worlds.SUBSCRIPTION}/metrics:getBatch",
            params=base | query, headers=headers, json={"resourceids": [account_id("one")]},
        )  # fmt: skip
    assert answer.status_code == 200, answer.text
    assert GROUP in answer.text
    return answer.content


def test_the_truth_and_the_metrics_agree(sdk: Sdk, simulator: SimulatorProcess):
    truth = simulator.control(
        "GET", f"/truth?account=one&deployment=chat&from=2026-03-04T09:00:00Z&until={NOW}"
    )
    rows = truth["minutes"][:60]
    split = f"{BY_DEPLOYMENT} and StatusCode eq '*' and IsSpillover eq '*'"
    series = sdk.series([REQUESTS], split, end=parse_time("2026-03-04T10:00:00Z"))
    served = [point.total or 0 for point in series[REQUESTS, "chat", "200", "False"]]
    assert served == [row["served"] for row in rows]
    refused = [point.total or 0 for point in series[REQUESTS, "chat", "429", "False"]]
    assert refused == [row["attempts"] - row["served"] for row in rows]
    assert truth["totals"]["refused"] == sum(row["refused"] for row in truth["minutes"]) > 0


def test_a_limit_is_lowered_for_a_time_and_given_back(sdk: Sdk, simulator: SimulatorProcess):
    lowered = {"account": "one", "deployment": "chat", "from": "2026-03-04T09:00:00Z",
               "until": "2026-03-04T10:00:00Z", "factor": 0.5}  # fmt: skip
    before = total(sdk.series([PROMPT], end=parse_time("2026-03-04T10:00:00Z"))[PROMPT, "chat"])
    answer = simulator.control("POST", "/lowered_limits", lowered)
    assert answer == {"value": [{"deployment": "one/chat", "factor": 0.5,
                                 "from": "2026-03-04T09:00:00Z",
                                 "until": "2026-03-04T10:00:00Z"}]}  # fmt: skip
    during = total(sdk.series([PROMPT], end=parse_time("2026-03-04T10:00:00Z"))[PROMPT, "chat"])
    assert during == pytest.approx(before / 2, rel=0.1)
    assert simulator.control("DELETE", "/lowered_limits") == {"value": []}
    again = total(sdk.series([PROMPT], end=parse_time("2026-03-04T10:00:00Z"))[PROMPT, "chat"])
    assert again == before


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"factor": 2}, "from 0 to 1"),
        ({"until": "2026-03-04T08:00:00Z"}, "later than from"),
        ({"from": "2026-03-04T09:00:30Z"}, "whole minutes"),
        ({"deployment": "ptu"}, "standard deployments"),
        ({"deployment": "none"}, "no deployment"),
    ],
)
def test_a_wrong_lowering_is_refused(
    simulator: SimulatorProcess, wrong: dict[str, Any], sentence: str
):
    good = {"account": "one", "deployment": "chat", "from": "2026-03-04T09:00:00Z",
            "until": "2026-03-04T10:00:00Z", "factor": 0.5}  # fmt: skip
    with pytest.raises(AssertionError, match=sentence):
        simulator.control("POST", "/lowered_limits", good | wrong)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "from=2026-03-04",
        "from=2026-03-04&until=2026-03-03",
        "from=2026-01-01&until=2026-03-03",
        "from=soon&until=later",
    ],
)
def test_a_wrong_question_for_the_truth_is_refused(simulator: SimulatorProcess, query: str):
    with pytest.raises(AssertionError, match="BadControlRequest"):
        simulator.control("GET", f"/truth?account=one&deployment=chat&{query}")
