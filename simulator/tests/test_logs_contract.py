"""The Log Analytics plane through the real azure-monitor-query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.monitor.query import LogsBatchQuery, LogsQueryPartialResult, LogsQueryStatus

from simulator.clock import parse_time
from simulator.tests import worlds
from simulator.tests.conftest import azure_environment
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.sdk import Sdk, total
from simulator.tests.worlds import SUBSCRIPTION, WORKSPACE

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
NINE = datetime(2026, 3, 4, 9, tzinfo=UTC)  # now is 10:30
TEN = NINE + HOUR
GATEWAY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-gateway/providers"
    "/Microsoft.ApiManagement/service/apim"
)


def query(start: datetime = NINE, end: datetime = TEN) -> str:
    return (
        "// headroom:callers v1\n"
        f"let t0 = datetime({start:%Y-%m-%dT%H:%M:%SZ});\n"
        f"let t1 = datetime({end:%Y-%m-%dT%H:%M:%SZ});\n"
        "ApiManagementGatewayLogs | where TimeGenerated >= t0 and TimeGenerated < t1"
    )


def asked(sdk: Sdk, text: str = "", **options: Any) -> Any:
    return sdk.logs.query_workspace(
        WORKSPACE, text or query(), **({"timespan": (NINE - HOUR, TEN + HOUR)} | options)
    )


def rows(result: Any) -> list[dict[str, Any]]:
    (table,) = result.tables
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def by_caller(result: Any, measure: str) -> dict[str, int]:
    sums: dict[str, int] = {}
    for row in rows(result):
        sums[row["Caller"]] = sums.get(row["Caller"], 0) + row[measure]
    return sums


def test_callers_come_by_the_minute_with_typed_columns(sdk: Sdk):
    result = asked(sdk)
    assert result.status == LogsQueryStatus.SUCCESS
    first = rows(result)[0]
    assert (first["Minute"], first["Caller"], first["Product"]) == (NINE, "radiology", "clinical")
    assert (first["AccountHost"], first["Deployment"]) == ("one.openai.azure.com", "chat")
    assert {row["Minute"] for row in rows(result)} == {NINE + n * MINUTE for n in range(60)}


def test_callers_and_the_bypass_are_what_monitor_says(sdk: Sdk, simulator: SimulatorProcess):
    split = "ModelDeploymentName eq 'chat' and StatusCode eq '*'"
    requests = sdk.series(["AzureOpenAIRequests"], split, end=TEN)
    tokens = sdk.series(["ProcessedPromptTokens", "GeneratedTokens"], end=TEN)
    truth = simulator.control(
        "GET", f"/callers?from={NINE:%Y-%m-%dT%H:%MZ}&until={TEN:%Y-%m-%dT%H:%MZ}"
    )
    past = next(row for row in truth["value"] if row["caller"] is None)
    answer = asked(sdk)
    whole = {
        "Ok": total(requests["AzureOpenAIRequests", "chat", "200"]),
        "Throttled": total(requests["AzureOpenAIRequests", "chat", "429"]),
        "Prompt": total(tokens["ProcessedPromptTokens", "chat"]),
        "Generated": total(tokens["GeneratedTokens", "chat"]),
    }
    assert min(whole.values()) > 100
    for measure, value in whole.items():
        assert sum(by_caller(answer, measure).values()) + past[measure.lower()] == value
    named = {row["caller"]: row for row in truth["value"]}
    assert by_caller(answer, "Prompt") == {
        name: named[name]["prompt"] for name in ("radiology", "risk")
    }


@pytest.mark.parametrize("logs_bodies", [True, False])
def test_400s_are_told_apart_where_the_gateway_logs_bodies(
    start: Callable[..., SimulatorProcess], monkeypatch: pytest.MonkeyPatch, logs_bodies: bool
):
    chat = worlds.deployment(traffic=worlds.profile(bad_request_share=0.1, server_error_share=0.05))
    raw = worlds.world_of(chat)
    behind = worlds.backend(content_filter_share=0.5, bypass_share=0)
    raw["gateways"] = [worlds.gateway(behind, logs_bodies=logs_bodies)]
    own = start(raw)
    window = f"from={NINE:%Y-%m-%dT%H:%MZ}&until={TEN:%Y-%m-%dT%H:%MZ}"
    truth = own.control("GET", f"/callers?{window}")["value"]
    filtered, bad, failed = (
        sum(row[each] for row in truth) for each in ("filtered", "bad", "failed")
    )
    (answer,) = (rows(asked(clients)) for clients in azure_environment(own, monkeypatch))
    others = sum(row["Other"] for row in answer)
    assert min(filtered, bad, failed) > 50
    if logs_bodies:
        assert sum(row["Filtered"] for row in answer) == filtered
        assert others == bad + failed
    else:
        assert None in {row["Filtered"] for row in answer}
        assert {row["Filtered"] for row in answer} <= {0, None}
        assert others == filtered + bad + failed


def test_an_estimating_gateway_is_off_by_no_more_than_it_is_said(
    sdk: Sdk, simulator: SimulatorProcess
):
    exact = by_caller(asked(sdk), "Prompt")
    simulator.control("POST", "/knobs", {"logs_token_error": 0.2})
    off = by_caller(asked(sdk), "Prompt")
    assert off != exact
    for caller, tokens in exact.items():
        assert abs(off[caller] - tokens) < 0.2 * tokens


def test_the_timespan_cuts_what_the_query_asks_for(sdk: Sdk):
    part = rows(asked(sdk, timespan=(NINE + 10 * MINUTE, 5 * MINUTE)))
    assert {row["Minute"] for row in part} == {NINE + n * MINUTE for n in range(10, 15)}
    assert rows(asked(sdk, timespan=30 * MINUTE)) == [], "it counts back from now, 10:30"
    assert rows(asked(sdk, timespan=None)) == rows(asked(sdk))


def test_fresh_minutes_are_not_there_yet_and_then_grow(sdk: Sdk, simulator: SimulatorProcess):
    now = parse_time(NOW)
    recent = query(now - 30 * MINUTE, now)
    last = max(row["Minute"] for row in rows(asked(sdk, recent, timespan=None)))
    assert last == now - 6 * MINUTE, "five minutes after its end"
    whole = by_caller(asked(sdk, recent, timespan=None), "Ok")
    simulator.control("POST", "/knobs", {"logs_late_minutes": 20})
    part = by_caller(asked(sdk, recent, timespan=None), "Ok")
    assert all(0 < part[caller] < whole[caller] for caller in whole)
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    later = by_caller(asked(sdk, recent, timespan=None), "Ok")
    assert all(later[caller] > whole[caller] for caller in whole)
    simulator.control("POST", "/knobs", {"logs_retention_days": 0.01})
    assert rows(asked(sdk, recent, timespan=None)) == []


def test_the_same_query_by_resource_id_and_in_a_batch(sdk: Sdk):
    whole = rows(asked(sdk))
    assert rows(sdk.logs.query_resource(GATEWAY, query(), timespan=None)) == whole
    good = LogsBatchQuery(WORKSPACE, query(), timespan=None)
    bad = LogsBatchQuery(WORKSPACE, "Usage | take 10", timespan=None)
    unknown = LogsBatchQuery(WORKSPACE.replace("3f25", "0000"), query(), timespan=None)
    first, second, third = sdk.logs.query_batch([good, bad, unknown])
    assert rows(first) == whole
    assert second.code == "BadArgumentError"
    assert third.code == "WorkspaceNotFoundError"


def test_statistics_come_when_they_are_asked_for(sdk: Sdk):
    assert asked(sdk).statistics is None
    assert asked(sdk, include_statistics=True, server_timeout=30).statistics["query"]


def test_an_answer_that_is_too_long_is_partial(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"logs_most_rows": 50})
    result = asked(sdk)
    assert isinstance(result, LogsQueryPartialResult)
    assert len(result.partial_data[0].rows) == 50
    assert result.partial_error.code == "PartialError"
    assert "set limit of 50 records" in str(result.partial_error)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Usage | take 10", "'Usage' operator: Failed to resolve table"),
        ("// a comment\nlet x = 1;\nHeartbeat | count", "'Heartbeat' operator"),
        ("// headroom:callers v99\nApiManagementGatewayLogs", "ApiManagementGatewayLogs"),
        ("// headroom:callers v1\nApiManagementGatewayLogs", "Query could not be parsed"),
        (" ", "Query could not be parsed"),
    ],
)
def test_what_it_does_not_understand_is_refused_as_log_analytics_does(
    sdk: Sdk, text: str, says: str
):
    with pytest.raises(HttpResponseError) as refused:
        asked(sdk, text)
    assert refused.value.status_code == 400
    assert refused.value.model.code == "BadArgumentError"
    assert says in str(refused.value)


def test_a_window_that_takes_too_long_times_out(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"logs_longest_minutes": 30})
    with pytest.raises(HttpResponseError) as late:
        asked(sdk)
    assert late.value.status_code == 504
    assert rows(asked(sdk, query(NINE, NINE + 30 * MINUTE)))


def test_too_many_queries_are_throttled(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"logs_queries_per_30_seconds": 2})
    asked(sdk)
    asked(sdk)
    with pytest.raises(HttpResponseError) as throttled:
        asked(sdk)
    assert throttled.value.status_code == 429
    assert int(throttled.value.response.headers["Retry-After"]) == 15


def test_without_the_role_and_for_another_workspace(sdk: Sdk, simulator: SimulatorProcess):
    with pytest.raises(HttpResponseError) as unknown:
        sdk.logs.query_workspace("00000000-0000-4000-8000-000000000000", query(), timespan=None)
    assert unknown.value.status_code == 404
    right = "Microsoft.OperationalInsights/workspaces/query/read"
    simulator.control("POST", "/knobs", {"denied_actions": [right]})
    with pytest.raises(HttpResponseError) as denied:
        asked(sdk)
    assert (denied.value.status_code, denied.value.model.code) == (403, "InsufficientAccessError")


def test_a_token_for_another_plane_is_no_good(simulator: SimulatorProcess):
    for audience, status in (
        ("https://management.azure.com", 401),
        ("https://api.loganalytics.io", 200),
    ):
        with simulator.http() as http:
            answer = http.post(
                f"/v1/workspaces/{WORKSPACE}/query",
                headers={"Authorization": f"Bearer {simulator.token(audience)}"},
                json={"query": query()},
            )
        assert answer.status_code == status


def test_revoked_tokens_are_challenged_here_too(sdk: Sdk, simulator: SimulatorProcess):
    asked(sdk)
    simulator.control("POST", "/tokens/revoke")
    try:
        asked(sdk)  # the SDK answers the challenge with a new token
    except ClientAuthenticationError as refused:
        raise AssertionError("the challenge was not answered") from refused


def test_the_control_api_knows_names_that_logs_do_not(simulator: SimulatorProcess):
    (gateway,) = simulator.control("GET", "/state")["gateways"]
    assert gateway["workspace"] == WORKSPACE
    assert gateway["subscriptions"][0]["tags"] == {"team": "rad"}
    assert gateway["products"] == [{"id": "clinical", "name": "Clinical"}]
