"""The control API: clock, faults, limits, edits, knobs, log, reset."""

from __future__ import annotations

import time
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ServiceResponseError

from simulator.clock import parse_time
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk
from simulator.tests.worlds import REGION, SUBSCRIPTION

POOL = "OpenAI.GlobalStandard.gpt-4o"


def refused(simulator: SimulatorProcess, path: str, body: Any) -> str:
    """The sentence a wrong control request is refused with."""
    with simulator.http() as http:
        answer = http.post(f"/_sim{path}", json=body)
    assert 400 <= answer.status_code < 500
    return str(answer.json()["error"]["message"])


def test_the_state_tells_the_whole_world(simulator: SimulatorProcess):
    state = simulator.control("GET", "/state")
    assert [each["id"] for each in state["subscriptions"]] == [SUBSCRIPTION]
    chat = state["accounts"][0]["deployments"][0]
    assert (chat["name"], chat["capacity"], chat["usage_name"]) == ("chat", 50, POOL)
    assert chat["capacity_history"] == [{"at": None, "capacity": 50}]
    limit = next(row for row in state["limits"] if row["usage_name"] == POOL)
    assert (limit["limit"], limit["allocated"]) == (2000, 160)


def test_the_catalogue_names_every_pool(simulator: SimulatorProcess):
    rows = simulator.control("GET", "/catalogue")["value"]
    row = next(r for r in rows if (r["model"], r["sku"]) == ("gpt-5", "GlobalStandard"))
    assert row["usage_name"] == "OpenAI.GlobalStandard.gpt-5"
    assert (row["tokens_per_minute_per_unit"], row["requests_per_minute_per_unit"]) == (1000, 10)


def test_a_set_clock_runs_on_and_a_frozen_one_stands(simulator: SimulatorProcess):
    simulator.control("POST", "/clock", {"at": "2027-01-01T00:00:00Z"})
    first = parse_time(simulator.control("GET", "/clock")["at"])
    time.sleep(0.05)
    second = parse_time(simulator.control("GET", "/clock")["at"])
    assert 0.04 < (second - first).total_seconds() < 10
    simulator.control("POST", "/clock", {"at": NOW, "frozen": True})
    simulator.control("POST", "/clock", {"advance_seconds": 90})
    assert simulator.control("GET", "/clock") == {"at": "2026-03-04T10:31:30Z", "frozen": True}
    simulator.control("POST", "/clock", {"real": True})
    assert abs(parse_time(simulator.control("GET", "/clock")["at"]).timestamp() - time.time()) < 5


@pytest.mark.parametrize(
    ("path", "body", "sentence"),
    [
        ("/clock", {}, "Say at, advance_seconds, frozen or real"),
        ("/clock", {"at": "noon"}, "not an ISO 8601 time"),
        ("/clock", {"advance_seconds": "long"}, "could not convert"),
        ("/faults", {"match": "("}, "match is a regular expression"),
        ("/faults", {"drop": "now"}, "drop is before, mid or after"),
        ("/faults", {"statsu": 500}, "A fault has no statsu"),
        ("/faults", {"status": 42}, "status is an HTTP status"),
        ("/limits", {"limit": -1}, "whole number from 0"),
        ("/limits", {"limit": 1, "subscription": "x"}, "no subscription 'x'"),
        ("/limits", {"limit": 1, "subscription": SUBSCRIPTION}, "A limit needs"),
        ("/edit", {"account": "one", "deployment": "none", "capacity": 5}, "no deployment"),
        ("/edit", {"account": "one", "deployment": "chat"}, "A change says one of capacity"),
        ("/knobs", {"speed": 1}, "No knob speed"),
        ("/knobs", {"write_seconds": -1}, "a number from 0"),
        ("/knobs", {"metric_errors": 1}, "metric_errors is an object"),
        ("/knobs", {"usage_scope_type": "Solar"}, "usage_scope_type is one of"),
    ],
)
def test_wrong_control_requests_get_a_sentence(
    simulator: SimulatorProcess, path: str, body: Any, sentence: str
):
    assert sentence in refused(simulator, path, body)


def test_an_edit_in_the_azure_portal_keeps_the_rules_and_shows_in_arm(
    sdk: Sdk, simulator: SimulatorProcess
):
    edit = {"account": "one", "deployment": "chat", "capacity": 75}
    simulator.control("POST", "/edit", edit)
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == 75
    sentence = refused(simulator, "/edit", {**edit, "capacity": 5000})
    assert sentence.startswith("This operation require 4925 new capacity")
    history = simulator.control("GET", "/state")["accounts"][0]["deployments"][0]
    assert history["capacity_history"][1:] == [{"at": NOW, "capacity": 75}]


def test_a_limit_moves_and_a_new_pool_can_appear(sdk: Sdk, simulator: SimulatorProcess):
    pool = {"subscription": SUBSCRIPTION, "region": REGION}
    simulator.control("POST", "/limits", {**pool, "usage_name": POOL, "limit": 123})
    new_pool = {**pool, "usage_name": "OpenAI.Standard.gpt-4o", "limit": 9}
    simulator.control("POST", "/limits", new_pool)
    rows = {row.name.value: row.limit for row in sdk.arm.usages.list(REGION)}
    assert (rows[POOL], rows["OpenAI.Standard.gpt-4o"]) == (123, 9)


def test_a_fault_answers_in_place_of_azure_as_often_as_asked(sdk: Sdk, simulator: SimulatorProcess):
    error = {"error": {"code": "TooManyRequests", "message": "Slow down."}}
    fault = {
        "match": "GET .*deployments/chat", "status": 429, "headers": {"Retry-After": "7"},
        "body": error, "times": 2,
    }  # fmt: skip
    simulator.control("POST", "/faults", fault)
    for _ in range(2):
        with pytest.raises(HttpResponseError) as caught:
            sdk.arm.deployments.get(GROUP, "one", "chat")
        assert caught.value.error.code == "TooManyRequests"
        assert caught.value.response.headers["Retry-After"] == "7"
    assert sdk.arm.deployments.get(GROUP, "one", "chat").name == "chat"
    assert simulator.control("GET", "/faults") == {"value": []}


def test_a_fault_may_answer_html_as_a_proxy_would(simulator: SimulatorProcess):
    simulator.control("POST", "/faults", {"status": 502, "body": "<html>Bad gateway</html>"})
    with simulator.http() as http:
        answer = http.get("/anything")
    assert (answer.status_code, answer.text) == (502, "<html>Bad gateway</html>")
    assert answer.headers["content-type"].startswith("text/html")


def test_a_delay_alone_only_delays(sdk: Sdk, simulator: SimulatorProcess):
    list(sdk.arm.accounts.list())
    simulator.control("POST", "/faults", {"match": "GET .*accounts", "delay_seconds": 0.5})
    began = time.monotonic()
    assert len(list(sdk.arm.accounts.list())) == 2
    assert time.monotonic() - began >= 0.5


@pytest.mark.parametrize(("drop", "capacity"), [("before", 50), ("after", 80)])
def test_a_dropped_connection_is_torn_down_before_or_after_the_write(
    sdk: Sdk, simulator: SimulatorProcess, drop: str, capacity: int
):
    simulator.control("POST", "/faults", {"match": "PATCH .*deployments/chat", "drop": drop})
    with pytest.raises(ServiceResponseError):
        sdk.set_capacity("chat", 80)
    assert sdk.arm.deployments.get(GROUP, "one", "chat").sku.capacity == capacity


def test_clearing_faults_and_log(simulator: SimulatorProcess):
    simulator.control("POST", "/faults", {"status": 500, "times": 0})
    assert simulator.control("DELETE", "/faults") == {"value": []}
    with simulator.http() as http:
        http.get("/anything")
    entries = simulator.control("GET", "/log")
    assert [(row["method"], row["path"], row["status"]) for row in entries] == [
        ("GET", "/anything", 404)
    ]
    assert simulator.control("GET", f"/log?since={entries[-1]['n']}") == []
    assert simulator.control("DELETE", "/log") == []
    assert simulator.control("GET", "/log") == []


def test_reset_brings_the_world_file_back(sdk: Sdk, simulator: SimulatorProcess):
    sdk.set_capacity("chat", 80)
    pool = {"subscription": SUBSCRIPTION, "region": REGION, "usage_name": POOL, "limit": 1}
    simulator.control("POST", "/limits", pool)
    simulator.control("POST", "/knobs", {"write_seconds": 3})
    simulator.control("POST", "/faults", {"status": 500, "times": 0})
    simulator.control("POST", "/reset")
    state = simulator.control("GET", "/state")
    assert state["accounts"][0]["deployments"][0]["capacity"] == 50
    assert next(r for r in state["limits"] if r["usage_name"] == POOL)["limit"] == 2000
    assert state["knobs"]["write_seconds"] == 0
    assert simulator.control("GET", "/faults") == {"value": []}
    assert simulator.control("GET", "/log") == []
    assert state["clock"]["frozen"] is False
