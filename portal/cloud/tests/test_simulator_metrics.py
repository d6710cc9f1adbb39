"""AzureMetrics against the simulated Azure: equal to the SDK's own objects; gaps are told."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import RequestsTransport
from azure.monitor.querymetrics import MetricsQueryResult

from portal.cloud import metrics
from portal.cloud.clients import build_metrics_client, metrics_client
from portal.cloud.credentials import credential
from portal.cloud.metrics import NAMESPACE, AzureMetrics
from portal.cloud.metrics_names import QUERIES
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.domain.measures import NEWER, OLDER
from showback.gateway import MEASURES, MISSING, MetricsAnswer
from stack.simulator_process import SimulatorProcess

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai-east/providers"
    "/Microsoft.CognitiveServices/accounts/contoso-east"
)
CHAT = (ACCOUNT.lower(), "chat")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LAST_HOUR = Window(NOON - 2 * HOUR, NOON - HOUR)


def pull(
    window: Window = LAST_HOUR,
    grain: timedelta = MINUTE,
    accounts: Sequence[str] = (ACCOUNT,),
    region: str = "eastus2",
) -> MetricsAnswer:
    return AzureMetrics().pull(
        subscription_id=SUBSCRIPTION,
        region=region,
        account_resource_ids=accounts,
        window=window,
        grain=grain,
    )


# ── The raw path equals the SDK's own ────────────────────────────────────────────────────────


def by_objects(window: Window, grain: timedelta) -> dict[tuple[str, str, str], list[int]]:
    """(deployment, measure, …) by the SDK's objects, put together one point at a time."""
    arrays: dict[tuple[str, str, str], list[int]] = {}
    measured: set[tuple[str, int]] = set()
    for query in QUERIES:
        results = metrics_client("eastus2").query_resources(
            resource_ids=[ACCOUNT],
            metric_namespace=NAMESPACE,
            metric_names=list(query.all_metrics),
            timespan=(window.start, window.end),
            granularity=grain,
            aggregations=[query.aggregation],
            filter=query.filter,
            max_results=1_000,
        )
        for deployment, measure, at, value in points_of(results):
            slot = (at - window.start) // grain
            row = arrays.setdefault(
                (ACCOUNT.lower(), deployment, measure), [MISSING] * (window.length // grain)
            )
            row[slot] = max(row[slot], 0) + round(value)
            if measure in ("ok", "throttled", "other", "spilled"):
                measured.add((deployment, slot))
    for deployment, slot in measured:
        for measure in ("ok", "throttled", "other", "spilled"):
            row = arrays.setdefault(
                (ACCOUNT.lower(), deployment, measure), [MISSING] * (window.length // grain)
            )
            row[slot] = max(row[slot], 0)
    return arrays


def points_of(results: list[MetricsQueryResult]) -> Any:
    names = {
        "ProcessedPromptTokens": "prompt",
        "GeneratedTokens": "generated",
        "AzureOpenAIContextTokensCacheMatchRate": "cache_percent",
        "AzureOpenAIProvisionedManagedUtilizationV2": "utilisation_percent",
        "ActiveTokens": "active",
    }
    newer = ("ModelRequests", "InputTokens", "OutputTokens", "ProvisionedUtilization")
    for metric in results[0].metrics:
        if metric.name in newer:
            continue  # every model of this account has the older family, which comes first
        for series in metric.timeseries:
            labels = {name.lower(): value for name, value in series.metadata_values.items()}
            measure = names.get(metric.name) or request_measure(labels)
            for point in series.data:
                value = point.average if point.average is not None else point.total
                if value is not None:
                    yield labels["modeldeploymentname"].lower(), measure, point.timestamp, value


def request_measure(labels: dict[str, str]) -> str:
    if labels["statuscode"] == "429":
        return "throttled"
    if labels["statuscode"][0] != "2":
        return "other"
    return "spilled" if labels["isspillover"].lower() == "true" else "ok"


@pytest.mark.parametrize(
    ("window", "grain"), [(LAST_HOUR, MINUTE), (Window(NOON - 30 * HOUR, NOON - HOUR), HOUR)]
)
def test_the_raw_path_equals_the_sdks_objects(
    simulator: SimulatorProcess, window: Window, grain: timedelta
) -> None:
    answer = pull(window, grain)
    assert answer.problems == ()
    expected = by_objects(window, grain)
    raw = {
        (account, deployment, measure): values.tolist()
        for (account, deployment), series in answer.series.items()
        for measure, values in series.values.items()
        if (values != MISSING).any()
    }
    assert raw == expected
    assert sum(sum(values) for values in raw.values()) > 1_000


def test_every_busy_deployment_has_every_measure_as_an_array(simulator: SimulatorProcess) -> None:
    answer = pull()
    assert {deployment for _, deployment in answer.series} == {"chat", "assist", "ptu"}
    for series in answer.series.values():
        assert set(series.values) == set(MEASURES)
        assert all(v.shape == (60,) and v.dtype == np.int64 for v in series.values.values())
    ptu = answer.series[(ACCOUNT.lower(), "ptu")].values
    assert (ptu["utilisation_percent"] >= 0).any()
    assert (answer.series[CHAT].values["utilisation_percent"] == MISSING).all()


def test_minutes_that_azure_does_not_show_yet_are_missing_not_nought(
    simulator: SimulatorProcess,
) -> None:
    simulator.control("POST", "/clock", {"at": "2026-03-04T12:00:30Z", "frozen": True})
    answer = pull(Window(NOON - 10 * MINUTE, NOON + 10 * MINUTE))
    ok = answer.series[CHAT].values["ok"].tolist()
    # Shown three minutes after its end: at 12:00:30 the minute 11:56 is the last.
    assert all(value >= 0 for value in ok[:7])
    assert ok[7:] == [MISSING] * 13


def test_a_window_in_parts_equals_the_window_in_one(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pull()
    monkeypatch.setattr(metrics, "ACCOUNT_SLOTS_PER_CALL", 7)
    monkeypatch.setattr(metrics, "LEAST_SLOTS_PER_CALL", 7)
    parts = pull()
    assert parts.series.keys() == whole.series.keys()
    for key, series in whole.series.items():
        for measure, values in series.values.items():
            assert (parts.series[key].values[measure] == values).all()


def test_an_account_named_twice_is_asked_once(simulator: SimulatorProcess) -> None:
    pull(accounts=[ACCOUNT, ACCOUNT.upper()])
    assert len(batches(simulator)) == len(QUERIES)


def test_a_call_names_fifty_accounts_and_asks_for_a_bounded_number_of_slots() -> None:
    calls = list(metrics._calls([f"account-{number}" for number in range(120)], slots=1_440))
    for query in QUERIES:
        of_query = [call for call in calls if call.query is query]
        assert {len(call.accounts) for call in of_query} == {50, 20}
        assert all(len(c.accounts) * (c.last - c.first) <= 9_000 for c in of_query)
        asked = {(a, slot) for c in of_query for a in c.accounts for slot in range(c.first, c.last)}
        assert len(asked) == 120 * 1_440


def test_no_accounts_ask_nothing(simulator: SimulatorProcess) -> None:
    assert pull(accounts=[]).series == {}
    assert batches(simulator) == []


def batches(simulator: SimulatorProcess) -> list[dict[str, Any]]:
    rows = simulator.control("GET", "/log?since=0")
    return [row for row in rows if "getBatch" in row["path"]]


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────


def test_one_metric_that_fails_is_a_gap_and_the_rest_is_there(simulator: SimulatorProcess) -> None:
    error = {"errorCode": "InternalError", "errorMessage": "Sorry"}
    failing = {"GeneratedTokens": error, "OutputTokens": error}
    simulator.control("POST", "/knobs", {"metric_errors": failing})
    answer = pull()
    assert answer.failed_measures == {ACCOUNT.lower(): frozenset({"generated"})}
    assert answer.failed_newer == {ACCOUNT.lower(): frozenset({"generated"})}
    assert (answer.series[CHAT].values["generated"] == MISSING).all()
    assert (answer.series[CHAT].values["prompt"] >= 0).any()
    assert "InternalError Sorry" in answer.problems[0]
    assert "outputtokens" in answer.newer_problems[ACCOUNT.lower()][0]


def test_a_metric_that_fails_is_read_from_the_other_family(simulator: SimulatorProcess) -> None:
    whole = pull()
    failing = {"GeneratedTokens": {"errorCode": "InternalError", "errorMessage": "Sorry"}}
    simulator.control("POST", "/knobs", {"metric_errors": failing})
    answer = pull()
    for key, series in whole.series.items():
        assert (answer.series[key].table == series.table).all()
        came = series.values["generated"] != MISSING
        assert set(whole.families[key][came].tolist()) == {OLDER}
        assert set(answer.families[key][came].tolist()) == {OLDER | NEWER}
    assert answer.failed_newer == {}


def test_models_of_other_publishers_are_counted_in_the_newer_family(
    simulator: SimulatorProcess,
) -> None:
    whole = pull()
    none = {"errorCode": "InternalError", "errorMessage": "None"}
    older = ("AzureOpenAIRequests", "ProcessedPromptTokens", "GeneratedTokens")
    simulator.control("POST", "/knobs", {"metric_errors": dict.fromkeys(older, none)})
    answer = pull()
    for key, series in whole.series.items():
        assert (answer.series[key].table == series.table).all()
        assert OLDER not in set(answer.families[key].tolist())
    assert answer.failed_newer == {}


def test_a_cloud_without_the_newer_metrics_is_read_in_the_older_ones(
    simulator: SimulatorProcess,
) -> None:
    whole = pull()
    said = {"error": {"code": "BadRequest", "message": "No such metric"}}
    for unknown in ("ModelRequests", "InputTokens", "ProvisionedUtilization"):
        fault = {"match": unknown, "status": 400, "times": 0, "body": said}
        simulator.control("POST", "/faults", fault)
    answer = pull()
    for key, series in whole.series.items():
        for measure in ("ok", "throttled", "other", "spilled", "prompt", "generated"):
            assert (answer.series[key].values[measure] == series.values[measure]).all()
    assert answer.problems == ()
    assert "No such metric" in answer.newer_problems[ACCOUNT.lower()][0]
    assert answer.failed_measures == {ACCOUNT.lower(): frozenset({"priority", "active"})}


def test_an_account_that_was_deleted_leaves_the_others_readable(
    simulator: SimulatorProcess,
) -> None:
    gone = ACCOUNT.replace("contoso-east", "contoso-gone")
    answer = pull(accounts=[ACCOUNT, gone])
    assert answer.series.keys() == pull().series.keys()
    assert set(answer.failed_measures) == {gone.lower()}
    assert answer.problems == (
        "Azure has no account contoso-gone any more, so its metrics cannot be read. What was read "
        "of it stays; look in the Azure portal whether it was deleted or moved.",
    )


def test_a_clock_of_ours_that_is_ahead_is_told(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"date_offset_seconds": -600})
    answer = pull()
    assert timedelta(minutes=9) < answer.clock_behind < timedelta(minutes=11)
    assert answer.problems[0].startswith("The portal's clock is 10 minutes ahead of Azure's")
    simulator.control("POST", "/knobs", {"date_offset_seconds": 600})
    answer = pull()
    assert answer.clock_behind == timedelta()
    assert answer.problems[0].startswith("The portal's clock is 10 minutes behind Azure's")


def test_one_call_that_fails_is_a_gap_with_a_sentence(simulator: SimulatorProcess) -> None:
    fault = {"match": "ProcessedPromptTokens", "status": 400, "times": 0,
             "body": {"error": {"code": "BadRequest", "message": "No such metric"}}}  # fmt: skip
    simulator.control("POST", "/faults", fault)
    answer = pull()
    lost = {"prompt", "generated", "active"}
    assert answer.failed_measures == {ACCOUNT.lower(): frozenset(lost)}
    assert "It says: No such metric." in answer.problems[0]
    assert (answer.series[CHAT].values["prompt"] >= 0).any()  # from the newer family
    assert (answer.series[CHAT].values["ok"] >= 0).any()


def test_throttled_once_the_other_calls_are_not_even_tried(simulator: SimulatorProcess) -> None:
    fault = {"match": "ProcessedPromptTokens", "status": 429, "times": 0,
             "headers": {"Retry-After": "300"}}  # fmt: skip
    simulator.control("POST", "/faults", fault)
    answer = pull()
    unknown = {"prompt", "generated", "active", "cache_percent", "utilisation_percent"}
    assert answer.failed_measures == {ACCOUNT.lower(): frozenset(unknown)}
    assert "in 5 minutes" in answer.problems[0]
    assert len(batches(simulator)) == 2


def test_nothing_at_all_is_an_error(simulator: SimulatorProcess) -> None:
    fault = {"match": "getBatch", "status": 403, "times": 0,
             "body": {"error": {"code": "AuthorizationFailed", "message": "No role"}}}  # fmt: skip
    simulator.control("POST", "/faults", fault)
    with pytest.raises(CloudError) as caught:
        pull()
    assert caught.value.reason is CloudReason.FORBIDDEN
    assert caught.value.azure_message == "No role"
    assert len(batches(simulator)) == 1


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 502, "body": "<html>Bad gateway</html>"},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"drop": "before"},
        {"drop": "after"},
    ],
)
def test_a_stumble_is_asked_again(simulator: SimulatorProcess, fault: dict[str, Any]) -> None:
    simulator.control("POST", "/faults", {"match": "getBatch", "times": 1, **fault})
    assert pull().problems == ()
    assert len(batches(simulator)) == len(QUERIES) + 1


def test_an_answer_of_another_shape_is_a_gap(simulator: SimulatorProcess) -> None:
    for body in ([], {"value": []}):
        fault = {"match": "AzureOpenAIRequests", "status": 200, "body": body}
        simulator.control("POST", "/faults", fault)
        answer = pull()
        assert "ok" in answer.failed_measures[ACCOUNT.lower()]
        assert "no answer that the portal understands" in answer.problems[0]


def test_a_token_for_the_other_plane_is_refused(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HEADROOM_AZURE_CLOUD = "china"  # its tokens are no good here
    endpoint = simulator.environment["AZURE_METRICS_ENDPOINT"].replace("{region}", "eastus2")
    wrong = build_metrics_client(credential(), endpoint)
    monkeypatch.setattr(metrics, "metrics_client", lambda _: wrong)
    with pytest.raises(CloudError) as caught:
        pull()
    assert caught.value.reason is CloudReason.FORBIDDEN
    assert "did not accept the portal's sign-in" in caught.value.sentence


def test_the_default_of_ten_series_would_have_cut_in_silence(simulator: SimulatorProcess) -> None:
    """Why `top` is always sent: the service's default keeps the first series only."""
    request = QUERIES[0]
    with_default = metrics_client("eastus2").query_resources(
        resource_ids=[ACCOUNT],
        metric_namespace=NAMESPACE,
        metric_names=list(request.metrics),
        timespan=(LAST_HOUR.start, LAST_HOUR.end),
        aggregations=[request.aggregation],
        filter=request.filter,
        max_results=1,
    )
    assert len(with_default[0].metrics[0].timeseries) == 1
    assert len(pull().series) > 1


def test_an_endpoint_that_is_not_there(
    simulator: SimulatorProcess, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RequestsTransport, "sleep", lambda _self, _seconds: None)
    settings.AZURE_METRICS_ENDPOINT = "https://127.0.0.1:9/{region}"
    with pytest.raises(CloudError) as caught:
        pull()
    assert caught.value.reason is CloudReason.TIMEOUT
    assert isinstance(caught.value.__cause__, AzureError)
