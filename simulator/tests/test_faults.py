"""Faults: which requests they hit, how often, and what the client then meets on the wire."""

from __future__ import annotations

import gzip
import json
import re
from typing import Any

import httpx
import pytest
from azure.core.exceptions import (
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ServiceResponseError,
)
from azure.identity import CredentialUnavailableError, DefaultAzureCredential

from simulator.answer_changes import changed_body
from simulator.faults import Fault, Faults
from simulator.tests.bare import ACCOUNTS, ARM, connection, everything, get_accounts
from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk


def plan(simulator: SimulatorProcess, **fault: Any) -> None:
    """Add one."""
    simulator.control("POST", "/faults", fault)


def accounts(simulator: SimulatorProcess, **headers: str) -> httpx.Response:
    """The list of accounts by a plain client."""
    with simulator.http() as http:
        wanted = {"Authorization": f"Bearer {simulator.token(ARM)}", **headers}
        return http.get(f"{ACCOUNTS}?api-version=2025-09-01", headers=wanted)


def raw_bytes(simulator: SimulatorProcess, *lines: str) -> bytes:
    """Everything a bare socket gets for the accounts, until the connection ends."""
    with connection(simulator) as wire:
        wire.sendall(get_accounts(simulator, *lines))
        return everything(wire)


def test_mid_sends_status_headers_and_a_part_of_the_body_and_tears_the_connection_down(
    simulator: SimulatorProcess,
):
    whole = accounts(simulator, **{"Accept-Encoding": "identity"}).content
    plan(simulator, match="GET .*accounts", drop="mid")
    head, _, body = raw_bytes(simulator).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert f"content-length: {len(whole)}".encode() in head.lower()
    assert body == whole[: len(whole) // 2]


def test_mid_cuts_a_gzipped_and_a_chunked_body(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"gzip": "always"})
    plan(simulator, match="GET .*accounts", drop="mid", chunked=True)
    received = raw_bytes(simulator, "Accept-Encoding: gzip")
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-encoding: gzip" in head.lower()
    assert b"transfer-encoding: chunked" in head.lower()
    assert b"content-length" not in head.lower()
    assert not body.endswith(b"0\r\n\r\n"), "the last chunk never comes"
    with pytest.raises(EOFError):
        gzip.decompress(body.split(b"\r\n")[1])


def test_mid_cuts_a_planned_answer_as_well(simulator: SimulatorProcess):
    plan(simulator, match="GET .*accounts", drop="mid", status=500, body="<html>0123456789")
    received = raw_bytes(simulator)
    assert received.startswith(b"HTTP/1.1 500 ")
    assert received.endswith(b"\r\n\r\n<html>01")


def test_the_sdk_reports_a_body_cut_in_the_middle(sdk: Sdk, simulator: SimulatorProcess):
    plan(simulator, match="GET .*accounts", drop="mid")
    with pytest.raises((IncompleteReadError, ServiceResponseError)):
        list(sdk.arm.accounts.list())
    assert len(list(sdk.arm.accounts.list())) == 2


def test_garbage_truncated_json_and_an_empty_body_are_sent_as_they_are(
    sdk: Sdk, simulator: SimulatorProcess
):
    kinds = {"content_type": "application/json", "status": 200}
    for body in ("{]", '{"value": [{"id": "/subscr'):
        plan(simulator, match="GET .*accounts", body=body, **kinds)
        with pytest.raises(DecodeError):
            list(sdk.arm.accounts.list())
    plan(simulator, match="GET .*accounts", body="", status=200)
    answer = accounts(simulator)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == "0"
    plan(simulator, match="GET .*accounts", body_base64="AP8=", status=200)
    answer = accounts(simulator)
    assert answer.content == b"\x00\xff"
    assert answer.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": 300},
        {"Retry-After": "Wed, 04 Mar 2026 10:40:00 GMT"},
        {"retry-after-ms": 250},
        {"x-ms-retry-after-ms": "250"},
    ],
)
def test_every_spelling_of_retry_after_can_be_sent(
    sdk: Sdk, simulator: SimulatorProcess, headers: dict[str, Any]
):
    plan(simulator, match="GET .*accounts", status=429, headers=headers)
    with pytest.raises(HttpResponseError) as caught:
        list(sdk.arm.accounts.list())
    name, value = next(iter(headers.items()))
    assert caught.value.response.headers[name] == str(value)


def test_headers_without_a_status_go_on_the_real_answer(simulator: SimulatorProcess):
    plan(simulator, match="GET .*accounts", headers={"Retry-After": 9}, chunked=True)
    answer = accounts(simulator)
    assert answer.headers["retry-after"] == "9"
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.json()["value"]) == 2


def test_the_real_answer_gains_and_loses_fields(sdk: Sdk, simulator: SimulatorProcess):
    change = {"unknown_fields": True, "remove": ["value.*.kind"]}
    plan(simulator, match="GET .*accounts", change=change)
    for each in sdk.arm.accounts.list():
        assert each.additional_properties["fieldOfTomorrow"]["kind"] == "NotInAnySdk"
        assert each.kind is None
        assert each.id


def test_a_list_without_its_value_is_a_type_error_in_the_sdk(sdk: Sdk, simulator: SimulatorProcess):
    plan(simulator, match="GET .*accounts", change={"remove": ["value"]})
    with pytest.raises(TypeError):
        list(sdk.arm.accounts.list())


def test_numbers_come_as_text_everywhere_or_in_one_place(simulator: SimulatorProcess):
    with simulator.http() as http:
        headers = {"Authorization": f"Bearer {simulator.token(ARM)}"}
        path = ACCOUNTS.replace("/providers", f"/resourceGroups/{GROUP}/providers")
        url = f"{path}/one/deployments/chat?api-version=1"
        plan(simulator, change={"numbers_as_text": True})
        everywhere = http.get(url, headers=headers).json()
        plan(simulator, change={"as_text": ["sku.capacity"], "set": {"sku.tier": "x"}})
        one_place = http.get(url, headers=headers).json()
    assert everywhere["sku"]["capacity"] == "50"
    assert everywhere["properties"]["currentCapacity"] == "50"
    assert one_place["sku"] == {"name": "GlobalStandard", "capacity": "50", "tier": "x"}
    assert one_place["properties"]["currentCapacity"] == 50


def test_a_cut_answer_has_the_content_length_of_what_is_sent(simulator: SimulatorProcess):
    plan(simulator, match="GET .*accounts", change={"cut": 0.5})
    answer = accounts(simulator)
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()


def test_the_token_endpoint_has_faults_too(sdk: Sdk, simulator: SimulatorProcess):
    plan(simulator, match="GET /msi/token", status=400, body={"statusCode": 400, "message": "No."})
    with pytest.raises((CredentialUnavailableError, HttpResponseError)):
        DefaultAzureCredential().get_token(f"{ARM}/.default")
    plan(simulator, match="GET /msi/token", drop="mid")
    with pytest.raises(httpx.RemoteProtocolError):
        simulator.token(ARM)
    assert simulator.token(ARM)


def hits(faults: Faults, count: int) -> list[bool]:
    """Which of ``count`` equal requests are hit."""
    return [faults.take("GET /x") is not None for _ in range(count)]


def test_skip_lets_the_first_pass_and_times_counts_those_hit():
    faults = Faults()
    faults.add(Fault.from_json({"skip": 2, "times": 2}))
    assert hits(faults, 6) == [False, False, True, True, False, False]
    assert faults.as_json() == []


def test_probability_is_drawn_from_the_seed():
    def pattern(seed: int) -> list[bool]:
        faults = Faults()
        faults.add(Fault.from_json({"probability": 0.3, "seed": seed, "times": 0}))
        return hits(faults, 1000)

    assert pattern(7) == pattern(7)
    assert pattern(7) != pattern(8)
    assert 250 < sum(pattern(7)) < 350


def test_headers_and_body_narrow_a_match_and_the_next_in_line_gets_its_turn():
    faults = Faults()
    first = Fault.from_json({"match_headers": {"User-Agent": "^azsdk"}, "match_body": '"capacity"'})
    second = Fault.from_json({"match": "PATCH", "times": 0})
    faults.add(first)
    number = faults.add(second)
    assert faults.take("PATCH /x", {"user-agent": "curl"}, b'{"capacity": 1}') == second
    assert faults.take("PATCH /x", {"user-agent": "azsdk-python"}, b"{}") == second
    assert faults.take("PATCH /x", {"user-agent": "azsdk-python"}, b'{"capacity": 1}') == first
    assert faults.take("PATCH /x", {"user-agent": "azsdk-python"}, b'{"capacity": 1}') == second
    assert [(row["n"], row["seen"], row["hit"]) for row in faults.as_json()] == [(number, 3, 3)]
    faults.clear(number)
    assert faults.as_json() == []


def test_changes_work_from_the_end_of_a_list_and_leave_what_is_not_json_alone():
    assert changed_body(b'{"a":[1,2,3]}', {"remove": ["a.*"]}) == b'{"a":[]}'
    assert changed_body(b'{"a":[1,2,3]}', {"remove": ["a.1", "b.c"]}) == b'{"a":[1,3]}'
    assert changed_body(b"<html>", {"unknown_fields": True}) == b"<html>"
    assert changed_body(b"12345678", {"cut": 0.25}) == b"12"


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ({"status": 200, "body": "x", "body_base64": "eA=="}, "body or body_base64, not both"),
        ({"body": "x"}, "body belongs to a planned answer: say its status as well"),
        ({"status": 200, "change": {"cut": 0.5}}, "change changes the real answer"),
        ({"change": {"cutt": 1}}, "A change has no cutt"),
        ({"change": {"cut": 1}}, "cut of a change cannot be 1"),
        ({"change": {}}, "change is an object with some of"),
        ({"probability": 2}, "probability is a number from 0 to 1, got 2"),
        ({"match_headers": {"a": "("}}, "object of header name to regular expression"),
        ({"headers": {"a": "b\nc: d"}}, "object of header name to value"),
        ({"body_base64": "*", "status": 200}, "bytes in base64"),
        ({"skip": -1}, "skip is a whole number from 0"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_sentence(
    fault: dict[str, Any], sentence: str
):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        Fault.from_json(fault)


def test_no_unknown_field_is_put_among_tags_whose_names_are_the_customers():
    body = json.dumps({"tags": {"team": "x"}, "sku": {}}).encode()
    found = json.loads(changed_body(body, {"unknown_fields": True}))
    assert found["tags"] == {"team": "x"}
    assert "fieldOfTomorrow" in found["sku"]
    assert "fieldOfTomorrow" in found
