"""Callers of a gateway over real HTTPS: the raw path against the SDK's objects; troubles."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from azure.monitor.query import LogsQueryStatus

from portal.cloud import callers_query, clients, logs
from portal.cloud.callers_answer import COLUMN_OF_MEASURE, KEY_COLUMNS
from portal.cloud.clients import build_logs_client, logs_client
from portal.cloud.credentials import credential
from portal.cloud.logs import AzureCallers
from portal.cloud.tests.doctor_world import deny
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.gateway import MISSING, CallerAnswer, CallerKey, caller_source
from stack.simulator_process import SimulatorProcess

WORKSPACE = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR_BEFORE = Window(NOON - 2 * HOUR, NOON - HOUR)
ZERO_HOUR = Window(NOON - HOUR, NOON)


def pull(window: Window = HOUR_BEFORE, workspace_id: str = WORKSPACE) -> CallerAnswer:
    return AzureCallers().pull(workspace_id=workspace_id, window=window)


def sums(answer: CallerAnswer, measure: str = "ok") -> dict[str, int]:
    found: dict[str, int] = {}
    for key, series in answer.series.items():
        values = series.values[measure]
        found[key.caller] = found.get(key.caller, 0) + int(values[values != MISSING].sum())
    return found


def asked(simulator: SimulatorProcess) -> list[dict[str, Any]]:
    rows = simulator.control("GET", "/log?since=0")
    return [row for row in rows if row["path"].endswith("/query")]


def test_the_setting_names_this_source() -> None:
    assert isinstance(caller_source(), AzureCallers)


def test_the_raw_path_equals_the_sdks_objects(simulator: SimulatorProcess) -> None:
    result = logs_client().query_workspace(
        WORKSPACE, callers_query.callers_query(HOUR_BEFORE), timespan=None, server_timeout=50
    )
    assert result.status == LogsQueryStatus.SUCCESS
    expected: dict[tuple[CallerKey, str], list[int]] = {}
    for row in result.tables[0].rows:
        key = CallerKey(*(row[name] for name in KEY_COLUMNS))
        for measure, column in COLUMN_OF_MEASURE.items():
            array = expected.setdefault((key, measure), [0] * 60)
            array[(row["Minute"] - HOUR_BEFORE.start) // MINUTE] = row[column]
    answer = pull()
    raw = {
        (key, measure): values.tolist()
        for key, series in answer.series.items()
        for measure, values in series.values.items()
    }
    assert raw == expected
    assert answer.complete
    assert {key.caller for key in answer.series} == {
        "radiology-prod", "risk-reports", "redaction", "",
    }  # fmt: skip


def test_it_is_what_the_simulated_gateway_really_did(simulator: SimulatorProcess) -> None:
    truth = simulator.control(
        "GET", "/callers?from=2026-03-04T10:00:00Z&until=2026-03-04T11:00:00Z"
    )
    rows = {row["caller"]: row for row in truth["value"] if row["caller"] is not None}
    answer = pull()
    for measure in ("ok", "throttled", "throttled_by_gateway", "prompt", "generated"):
        assert sums(answer, measure) == {caller: row[measure] for caller, row in rows.items()}
    assert sums(answer, "throttled_by_gateway")["redaction"] > 0
    hosts = {key.account_host for key in answer.series}
    assert hosts == {"contoso-east.openai.azure.com", ""}, "its own refusals have no backend"


def test_windows_longer_than_an_hour_are_asked_hour_by_hour(simulator: SimulatorProcess) -> None:
    long = pull(Window(NOON - 3 * HOUR - 10 * MINUTE, NOON - HOUR))
    assert len(asked(simulator)) == 3
    assert long.complete
    last = {
        key: {measure: values[70:].tolist() for measure, values in series.values.items()}
        for key, series in long.series.items()
    }
    for key, series in pull().series.items():
        assert last[key] == {m: values.tolist() for m, values in series.values.items()}


def test_late_rows_come_with_the_next_pull(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/clock", {"at": "2026-03-04T12:00:30Z", "frozen": True})
    early = pull(ZERO_HOUR)
    simulator.control("POST", "/clock", {"at": "2026-03-04T12:15:00Z", "frozen": True})
    assert pull(ZERO_HOUR).window.end + AzureCallers.settles_after == NOON + 15 * MINUTE
    settled = sums(pull(ZERO_HOUR))
    assert all(count < settled[caller] for caller, count in sums(early).items())
    assert sums(pull(ZERO_HOUR)) == settled, "pulled again, nothing is counted twice"


# ── What goes wrong ──────────────────────────────────────────────────────────────────────────


def test_a_partial_answer_is_halved_until_it_is_whole(simulator: SimulatorProcess) -> None:
    whole = pull()
    simulator.control("POST", "/knobs", {"logs_most_rows": 100})
    simulator.control("DELETE", "/log")
    answer = pull()
    assert answer.complete
    assert answer.problems == ()
    assert sums(answer, "prompt") == sums(whole, "prompt")
    assert len(asked(simulator)) == 7, "60, 30, 15, 15, 30, 15, 15 minutes"


def test_a_minute_that_stays_partial_is_not_received(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"logs_most_rows": 2})
    answer = pull(Window(NOON - HOUR, NOON - HOUR + 4 * MINUTE))
    assert not answer.received.any()
    assert not answer.complete
    assert "answered only a part of the minutes from 04 Mar 11:00 UTC" in answer.problems[0]
    assert "exceed the set limit of 2 records" in answer.problems[0]
    for series in answer.series.values():
        assert all((values == MISSING).all() for values in series.values.values())


def test_one_partial_half_leaves_the_other_whole(simulator: SimulatorProcess) -> None:
    whole = pull()
    for minute in range(30):
        stamp = rf"let t0 = datetime\(2026-03-04T10:{minute:02}"
        body = {"tables": [], "error": {"code": "PartialError", "message": "A part of it."}}
        simulator.control(
            "POST", "/faults", {"match_body": stamp, "status": 200, "body": body, "times": 0}
        )
    answer = pull()
    assert answer.received.tolist() == [False] * 30 + [True] * 30
    assert len(answer.problems) == 30
    for key, series in whole.series.items():
        assert (answer.series[key].values["ok"][30:] == series.values["ok"][30:]).all()


def test_a_query_that_takes_too_long_is_halved_not_repeated(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"logs_longest_minutes": 30})
    assert pull().complete
    assert len(asked(simulator)) == 3


def test_throttled_in_the_middle_the_rest_is_not_asked(simulator: SimulatorProcess) -> None:
    fault = {"match": "/query", "status": 429, "times": 0, "skip": 1,
             "headers": {"Retry-After": "300"}}  # fmt: skip
    simulator.control("POST", "/faults", fault)
    answer = pull(Window(NOON - 4 * HOUR, NOON - HOUR))
    assert len(asked(simulator)) == 2
    assert answer.received.tolist() == [True] * 60 + [False] * 120
    assert "in 5 minutes" in answer.problems[0]


def test_nothing_at_all_is_an_error(simulator: SimulatorProcess) -> None:
    deny(simulator, "/query", code="InsufficientAccessError")
    with pytest.raises(CloudError) as caught:
        pull()
    assert caught.value.reason is CloudReason.FORBIDDEN
    assert caught.value.azure_code == "InsufficientAccessError"


def test_a_workspace_that_is_not_there(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        pull(workspace_id="00000000-0000-4000-8000-000000000000")
    assert caught.value.reason is CloudReason.NOT_FOUND


def test_what_the_query_trips_over_is_told_from_the_innermost_error(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "callers_query", lambda _: "ApiManagementGatewayLlmLog | count")
    with pytest.raises(CloudError) as caught:
        pull()
    assert caught.value.reason is CloudReason.BAD_REQUEST
    assert "'ApiManagementGatewayLlmLog' operator: Failed to resolve" in caught.value.sentence


def test_numbers_as_text_and_unknown_fields_change_nothing(simulator: SimulatorProcess) -> None:
    whole = sums(pull(), "prompt")
    change = {"numbers_as_text": True, "unknown_fields": True}
    simulator.control("POST", "/faults", {"match": "/query", "change": change})
    answer = pull()
    assert sums(answer, "prompt") == whole
    assert all(s.values["ok"].dtype == np.int64 for s in answer.series.values())


def test_a_token_for_another_plane_is_refused(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.HEADROOM_AZURE_CLOUD = "china"  # its tokens are no good here
    wrong = build_logs_client(credential(), simulator.environment["AZURE_LOGS_ENDPOINT"])
    monkeypatch.setattr(logs, "logs_client", lambda: wrong)
    with pytest.raises(CloudError) as caught:
        pull()
    assert caught.value.status == 401


def test_the_client_is_kept_and_forgotten_with_the_others(simulator: SimulatorProcess) -> None:
    first = logs_client()
    assert logs_client() is first
    clients.forget_clients()
    assert logs_client() is not first
