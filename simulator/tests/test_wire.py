"""Manners on the wire, as any HTTP client meets them: paths, headers, methods, compression."""

from __future__ import annotations

import gzip
import http.client
import json
import re
import shutil
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from email.utils import parsedate_to_datetime

import httpx
import pytest

from simulator.app import played_path
from simulator.server import KEEP_ALIVE_SECONDS
from simulator.tests.bare import ACCOUNTS, ARM, GUID, NAMESPACE, ask, connection, get_accounts
from simulator.tests.process import SimulatorProcess
from simulator.tests.worlds import SUBSCRIPTION


@pytest.mark.parametrize(
    "path",
    [
        f"{ACCOUNTS}?api-version=2025-09-01",
        f"{ACCOUNTS.upper()}?API-VERSION=1999-01-01-preview",
        f"{ACCOUNTS}/?Api-Version=x",
        f"/{ACCOUNTS.replace('/providers', '//providers')}//?api-version=1",
    ],
)
def test_case_version_double_and_trailing_slashes_do_not_matter(
    simulator: SimulatorProcess, path: str
):
    with connection(simulator) as wire:
        request = get_accounts(simulator, "Connection: close")
        wire.sendall(request.replace(f"{ACCOUNTS}?api-version=1".encode(), path.encode(), 1))
        received = b""
        while part := wire.recv(65536):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert len(json.loads(body)["value"]) == 2


def test_every_answer_carries_azures_headers(simulator: SimulatorProcess):
    for answer in (ask(simulator, f"{ACCOUNTS}?api-version=1"), ask(simulator, "/nothing")):
        headers = answer.headers
        assert re.fullmatch(GUID, headers["x-ms-request-id"])
        correlation = headers["x-ms-correlation-request-id"]
        assert re.fullmatch(
            rf"[A-Z]+:\d{{8}}T\d{{6}}Z:{correlation}", headers["x-ms-routing-request-id"]
        )
        assert headers["cache-control"] == "no-cache"
        assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-type"] == "application/json; charset=utf-8"
        assert abs(parsedate_to_datetime(headers["date"]).timestamp() - time.time()) < 5
        assert len(headers.get_list("date")) == 1


def test_request_ids_are_new_each_time_and_the_clients_own_come_back_when_asked_for(
    simulator: SimulatorProcess,
):
    path = f"{ACCOUNTS}?api-version=1"
    mine = {"x_ms_client_request_id": "mine", "x_ms_correlation_request_id": "ours"}
    silent = ask(simulator, path, **mine)
    echoing = ask(simulator, path, x_ms_return_client_request_id="true", **mine)
    assert "x-ms-client-request-id" not in silent.headers
    assert echoing.headers["x-ms-client-request-id"] == "mine"
    assert echoing.headers["x-ms-correlation-request-id"] == "ours"
    assert silent.headers["x-ms-request-id"] != echoing.headers["x-ms-request-id"]


def test_the_date_header_can_be_off(simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"date_offset_seconds": -600})
    date = parsedate_to_datetime(ask(simulator, "/nothing").headers["date"])
    assert 595 < time.time() - date.timestamp() < 606


def test_gzip_goes_to_those_who_accept_it_and_a_knob_turns_it(simulator: SimulatorProcess):
    path = f"{ACCOUNTS}?api-version=1"

    def encoding(accepted: str) -> str | None:
        return ask(simulator, path, accept_encoding=accepted).headers.get("content-encoding")

    simulator.control("POST", "/knobs", {"gzip": "always"})
    assert encoding("deflate, gzip;q=0.5") == "gzip"
    assert encoding("identity") is None
    assert encoding("gzip;q=0, identity") is None
    simulator.control("POST", "/knobs", {"gzip": "never"})
    assert encoding("gzip") is None


def test_the_same_connection_serves_again_and_stays_open_for_more_than_a_minute(
    simulator: SimulatorProcess,
):
    assert KEEP_ALIVE_SECONDS >= 60
    url = httpx.URL(simulator.ready["arm_endpoint"])
    context = ssl.create_default_context(cafile=simulator.ready["ca_file"])
    client = http.client.HTTPSConnection(url.host, url.port, context=context, timeout=10)
    headers = {"Authorization": f"Bearer {simulator.token(ARM)}", "Accept-Encoding": "gzip"}
    simulator.control("POST", "/knobs", {"gzip": "always"})
    sockets = set()
    for _ in range(3):
        client.request("GET", f"{ACCOUNTS}?api-version=1", headers=headers)
        answer = client.getresponse()
        assert answer.version == 11
        assert len(json.loads(gzip.decompress(answer.read()))["value"]) == 2
        assert client.sock is not None
        sockets.add(client.sock.getsockname())
    client.close()
    assert len(sockets) == 1


def test_head_is_a_get_without_its_body_and_options_names_the_methods(simulator: SimulatorProcess):
    path = f"{ACCOUNTS}?api-version=1"
    whole, head = ask(simulator, path), ask(simulator, path, "HEAD", accept_encoding="identity")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    options = ask(simulator, path, "OPTIONS")
    assert (options.status_code, options.content) == (204, b"")
    assert options.headers["allow"] == "GET, OPTIONS"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "MissingSubscription"),
        ("GET", "/nothing/here", 404, "MissingSubscription"),
        ("GET", f"{NAMESPACE}/Microsoft.Nothing/accounts", 404, "InvalidResourceNamespace"),
        ("GET", f"{NAMESPACE}/Microsoft.CognitiveServices/x/y/z", 404, "InvalidResourceType"),
        ("PUT", f"{NAMESPACE}/Microsoft.CognitiveServices/accounts", 405, "MethodNotAllowed"),
        ("PUT", "/_sim/clock", 405, "MethodNotAllowed"),
        ("GET", "/_sim/clocks", 404, "NotFound"),
    ],
)
def test_what_nobody_plays_is_said_in_arms_form_with_a_note_that_it_was_the_simulator(
    simulator: SimulatorProcess, method: str, path: str, status: int, code: str
):
    answer = ask(simulator, path, method)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"]["message"].endswith(".")
    assert answer.headers["x-simulator-note"] == f"The simulator does not play {method} {path}"
    if status == 405:
        assert method not in answer.headers["allow"]


def test_unknown_resources_answer_only_those_who_show_a_token(simulator: SimulatorProcess):
    with simulator.http() as http_client:
        answer = http_client.get(f"{NAMESPACE}/Microsoft.Nothing/accounts?api-version=1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "AuthenticationFailed")


def test_a_body_is_asked_for_with_100_continue(simulator: SimulatorProcess):
    body = b'{"resourceids": []}'
    path = f"/metrics/eastus2/subscriptions/{SUBSCRIPTION}/metrics:getBatch?api-version=1"
    lines = [
        f"POST {path} HTTP/1.1", "Host: x", "Expect: 100-continue", "Connection: close",
        f"Authorization: Bearer {simulator.token('https://metrics.monitor.azure.com')}",
        f"Content-Length: {len(body)}",
    ]  # fmt: skip
    with connection(simulator) as wire:
        wire.sendall("\r\n".join([*lines, "", ""]).encode())
        assert wire.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        wire.sendall(body)
        assert wire.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_request_in_chunks_and_one_of_some_megabytes_are_read_whole(simulator: SimulatorProcess):
    path = ACCOUNTS.replace("/providers", "/resourceGroups/rg-one/providers")
    path = f"{path}/one/deployments/chat?api-version=1"
    patch = {"sku": {"name": "GlobalStandard", "capacity": 51}, "unknown": "x" * 3_000_000}
    text = json.dumps(patch).encode()
    headers = {"Authorization": f"Bearer {simulator.token(ARM)}"}
    with simulator.http() as http_client:
        for content in (text, iter([text[:1000], text[1000:]])):
            assert http_client.patch(path, content=content, headers=headers).status_code == 200
    assert len(simulator.control("GET", "/log?method=PATCH&limit=1")[0]["body"]) == 20_000


def test_urllib_reads_answers_and_errors(simulator: SimulatorProcess):
    context = ssl.create_default_context(cafile=simulator.ready["ca_file"])
    base = simulator.ready["arm_endpoint"]
    headers = {"Authorization": f"Bearer {simulator.token(ARM)}"}
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))
    request = urllib.request.Request(f"{base}{ACCOUNTS}?api-version=1", headers=headers)  # noqa: S310
    with opener.open(request, timeout=10) as answer:
        assert len(json.load(answer)["value"]) == 2
    with pytest.raises(urllib.error.HTTPError) as caught:
        opener.open(f"{base}{ACCOUNTS}?api-version=1", timeout=10)
    with caught.value as error:
        assert (error.code, json.load(error)["error"]["code"]) == (401, "AuthenticationFailed")


def curl(simulator: SimulatorProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    """curl that trusts the simulator."""
    ca_file = simulator.ready["ca_file"]
    return subprocess.run(
        ["curl", "-sS", "--compressed", "--cacert", ca_file, "--max-time", "10", *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_curl_reads_answers_and_reports_a_body_cut_in_the_middle(simulator: SimulatorProcess):
    header = f"Authorization: Bearer {simulator.token(ARM)}"
    url = f"{simulator.ready['arm_endpoint']}{ACCOUNTS}?api-version=1"
    assert len(json.loads(curl(simulator, "-H", header, url).stdout)["value"]) == 2
    simulator.control("POST", "/faults", {"match": "GET .*accounts", "drop": "mid"})
    assert curl(simulator, "-H", header, url).returncode in (18, 56)  # partial file, recv error


def test_a_regional_metrics_host_stands_for_its_prefix():
    batch = "/subscriptions/x/metrics:getBatch"
    assert played_path("eastus2.metrics.monitor.azure.com", batch) == f"/metrics/eastus2{batch}"
    assert played_path("WestUS.metrics.monitor.azure.us:443", "//a/") == "/metrics/westus/a"
    assert played_path("127.0.0.1:1", batch) == batch
    assert played_path("evil.metrics.monitor.azure.com.example", "/") == "/"


def test_subscriptions_and_tenants_are_listed_for_tools_that_look_around_first(
    simulator: SimulatorProcess,
):
    (row,) = ask(simulator, "/subscriptions?api-version=2022-12-01").json()["value"]
    assert (row["subscriptionId"], row["state"]) == (SUBSCRIPTION, "Enabled")
    one = ask(simulator, f"/Subscriptions/{SUBSCRIPTION}?api-version=2022-12-01").json()
    assert one == row
    tenants = ask(simulator, "/tenants?api-version=2022-12-01").json()["value"]
    assert [each["tenantId"] for each in tenants] == [simulator.ready["tenant_id"]]
    other = ask(simulator, "/subscriptions/another?api-version=1")
    assert other.json()["error"]["code"] == "SubscriptionNotFound"
