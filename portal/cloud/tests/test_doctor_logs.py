"""The doctor's lines about gateway logs: reached, signed in, allowed, and really filled."""

from typing import Any

import pytest

from portal.cloud.doctor import gateway_logs, rights
from portal.cloud.doctor.gateway_logs import SETTINGS_FIX, examine_logs
from portal.cloud.tests.doctor_world import AT, WORKSPACE, by_check, deny, examined, failures
from portal.kernel.findings import Finding, Outcome
from stack.simulator_process import SimulatorProcess


def line() -> Finding:
    """The one about the workspace."""
    return list(examine_logs([WORKSPACE], at=AT))[-1]


def test_all_is_well(simulator: SimulatorProcess) -> None:
    found = by_check(examined(workspace=WORKSPACE))
    [token] = found["azure.token_logs"]
    assert token.subject == "https://api.loganalytics.io"
    [logs] = found["azure.logs"]
    assert (logs.outcome, logs.subject) == (Outcome.OK, WORKSPACE)
    assert logs.facts["callers"] == 3
    assert f"Workspace {WORKSPACE}: gateway logs are read (3 callers, " in logs.sentence


def test_without_a_workspace_there_is_no_line(simulator: SimulatorProcess) -> None:
    assert not {"azure.logs", "azure.token_logs"} & by_check(examined()).keys()


def test_a_missing_right_names_role_and_action(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"denied_actions": [rights.LOGS.action]})
    [failure] = failures(examined(workspace=WORKSPACE))
    assert failure.check == "azure.logs"
    assert "(403 InsufficientAccessError)" in failure.sentence
    assert failure.fix == (
        "Give the identity the role Log Analytics Data Reader, Log Analytics Reader or Headroom "
        f"log reader on workspace {WORKSPACE} (it needs {rights.LOGS.action})."
    )
    assert failure.facts["right"] == rights.LOGS.action


def test_a_workspace_that_is_not_there(simulator: SimulatorProcess) -> None:
    other = "00000000-0000-4000-8000-000000000000"
    [failure] = failures(examined(workspace=other))
    assert "404 WorkspaceNotFoundError" in failure.sentence


def test_a_table_that_never_had_a_row_points_at_the_diagnostic_settings(
    simulator: SimulatorProcess,
) -> None:
    said = "'join' operator: Failed to resolve table or column expression named 'X'"
    inner = {"code": "SemanticError", "message": "A semantic error occurred.",
             "innererror": {"code": "SEM0100", "message": said}}  # fmt: skip
    body = {"error": {"code": "BadArgumentError", "message": "Wrong", "innererror": inner}}
    simulator.control("POST", "/faults", {"match": "/v1/workspaces", "status": 400, "body": body})
    found = line()
    assert (found.outcome, found.fix) == (Outcome.FAILED, SETTINGS_FIX)
    assert "has no gateway logs" in found.sentence


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "no gateway logged a call in the last hour"),
        ([["sub", 5, 0]], "calls are logged, but no tokens"),
        ([["", 5, 900]], "no call names a subscription"),
    ],
)
def test_an_answer_that_cannot_attribute_anything_is_worth_a_look(
    simulator: SimulatorProcess, rows: list[list[Any]], says: str
) -> None:
    names = ["Minute", "Product", "AccountHost", "Deployment", "Throttled", "ThrottledByGateway",
             "Filtered", "Other", "Generated", "Caller", "Ok", "Prompt"]  # fmt: skip
    filled = [["2026-03-04T11:00:00Z", "", "one", "chat", 0, 0, 0, 0, 0, *row] for row in rows]
    table = {"name": "PrimaryResult", "columns": [{"name": name} for name in names]}
    body = {"tables": [{**table, "rows": filled}]}
    simulator.control("POST", "/faults", {"match": "/v1/workspaces", "status": 200, "body": body})
    found = line()
    assert found.outcome is Outcome.WARNING
    assert says in found.sentence
    assert found.fix


def test_a_partial_answer_is_worth_a_look(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"logs_most_rows": 2})
    found = line()
    assert found.outcome is Outcome.WARNING
    assert "not all gateway logs come: Log Analytics answered only a part" in found.sentence


def test_an_endpoint_that_is_not_reached_and_no_token(
    simulator: SimulatorProcess, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deny(simulator, "/msi/token", status=400, code="invalid_scope")
    assert [(one.check, one.outcome) for one in examine_logs([WORKSPACE], at=AT)] == [
        ("azure.token_logs", Outcome.FAILED),
        ("azure.logs", Outcome.NOT_TRIED),
    ]
    settings.AZURE_LOGS_ENDPOINT = "https://logs.azure.invalid"
    [found] = examine_logs([WORKSPACE], at=AT)
    assert (found.check, found.facts["reason"]) == (gateway_logs.CHECK, "dns")
