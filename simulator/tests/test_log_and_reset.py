"""What the control API tells of past requests, what it sets back, and how the clock stops."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from simulator.clock import parse_time
from simulator.tests.bare import GUID, NAMESPACE, ask
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import Sdk


def test_the_log_tells_who_asked_what_and_what_became_of_it(sdk: Sdk, simulator: SimulatorProcess):
    list(sdk.arm.accounts.list(request_id="job-7"))
    simulator.control("POST", "/faults", {"match": "GET .*/usages", "status": 503})
    ask(
        simulator, f"{NAMESPACE}/Microsoft.CognitiveServices/locations/eastus2/usages?api-version=1"
    )
    simulator.control("POST", "/faults", {"match": "/nowhere", "drop": "before"})
    with pytest.raises(httpx.RemoteProtocolError):
        ask(simulator, "/nowhere")

    def log(query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = simulator.control("GET", f"/log?{query}")
        return rows

    (mine,) = log("client_request_id=job-7")
    assert (mine["plane"], mine["status"], mine["fault"]) == ("arm", 200, None)
    assert mine["headers"]["user-agent"].startswith("azsdk-python")
    assert "authorization" not in mine["headers"]
    assert re.fullmatch(GUID, mine["request_id"])
    assert 0 < mine["seconds"] < 5
    assert mine["sent_bytes"] > 100
    assert [row["fault"] for row in log("status=503")] == ["GET .*/usages"]
    assert [(row["status"], row["fault"]) for row in log("match=nowhere")] == [(None, "/nowhere")]
    assert {row["plane"] for row in log("")} == {"identity", "arm", None}
    assert {row["method"] for row in log("method=get")} == {"GET"}
    assert len(log("plane=arm")) == 2
    assert len(log("limit=1")) == 1
    assert "body" not in log("bodies=false")[0]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=x", "since is a whole number, got 'x'"),
        ("match=(", "match is a regular expression"),
        ("plan=arm", "The log has no filter plan; it has bodies"),
    ],
)
def test_a_wrong_filter_of_the_log_is_refused_with_a_sentence(
    simulator: SimulatorProcess, query: str, sentence: str
):
    with simulator.http() as http_client:
        answer = http_client.get(f"/_sim/log?{query}")
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]


def test_parts_are_reset_alone(simulator: SimulatorProcess):
    edit = {"account": "one", "deployment": "chat", "capacity": 75}
    simulator.control("POST", "/edit", edit)
    simulator.control("POST", "/knobs", {"write_seconds": 3})
    simulator.control("POST", "/faults", {"status": 500, "times": 0})
    simulator.control("POST", "/reset", {"parts": ["faults", "log"]})
    state = simulator.control("GET", "/state")
    assert simulator.control("GET", "/faults") == {"value": []}
    assert state["knobs"]["write_seconds"] == 3
    simulator.control("POST", "/reset", {"parts": ["world"]})
    after = simulator.control("GET", "/state")
    assert after["accounts"][0]["deployments"][0]["capacity"] == 50
    assert after["knobs"]["write_seconds"] == 3
    assert after["clock"] == state["clock"]
    simulator.control("POST", "/reset", {"parts": ["knobs"]})
    assert simulator.control("GET", "/knobs")["write_seconds"] == 0
    with simulator.http() as http_client:
        answer = http_client.post("/_sim/reset", json={"parts": ["all"]})
    assert "parts is a list of some of world, clock" in answer.json()["error"]["message"]


def test_the_clock_stops_where_it_is_and_goes_on_from_there(simulator: SimulatorProcess):
    at = simulator.control("GET", "/clock")["at"]
    assert simulator.control("POST", "/clock", {"frozen": False})["frozen"] is False
    stopped = simulator.control("POST", "/clock", {"frozen": True})
    assert stopped["frozen"] is True
    assert parse_time(stopped["at"]) > parse_time(at)
    assert simulator.control("GET", "/clock") == stopped
