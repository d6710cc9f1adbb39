"""The proxy: clients with all their production defaults reach the simulator, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from simulator.certificates import certificates
from simulator.proxy import leads_to_the_simulator
from simulator.tests.bare import connection, everything
from simulator.tests.process import SimulatorProcess

# No address of the simulator in it: hosts, audiences and authority are the SDK's own.
CLIENT = """
import sys
import time
from datetime import timedelta
from azure.identity import ClientSecretCredential
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.monitor.querymetrics import MetricsClient
credential = ClientSecretCredential(*sys.argv[1:4])
accounts = list(CognitiveServicesManagementClient(credential, sys.argv[4]).accounts.list())
metrics = MetricsClient("https://eastus2.metrics.monitor.azure.com", credential)
(result,) = metrics.query_resources(
    resource_ids=[accounts[0].id], metric_namespace="Microsoft.CognitiveServices/accounts",
    metric_names=["AzureOpenAIRequests"], timespan=timedelta(hours=1), aggregations=["Total"])
print(accounts[0].name, result.metrics[0].name)
"""


@pytest.fixture(scope="module")
def behind_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator with a proxy, in real time, since the SDK's client takes the present hour."""
    folder = tmp_path_factory.mktemp("proxy")
    process = SimulatorProcess(folder, "--proxy-port", "0", clock="real").start()
    yield process
    assert process.stop() == 0


def test_the_sdks_with_production_defaults_reach_the_simulator(behind_proxy: SimulatorProcess):
    ready = behind_proxy.ready
    environment = {
        "PATH": os.environ["PATH"],
        "HTTPS_PROXY": ready["proxy_url"],
        "REQUESTS_CA_BUNDLE": ready["ca_file"],
    }
    done = subprocess.run(
        [
            sys.executable, "-c", CLIENT, ready["tenant_id"], ready["client_id"],
            ready["client_secret"], ready["subscriptions"][0],
        ],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "contoso-east AzureOpenAIRequests\n", done.stderr
    planes = [row["plane"] for row in behind_proxy.control("GET", "/log")]
    assert set(planes) == {"login", "arm", "metrics"}
    hosts = {row["headers"]["host"] for row in behind_proxy.control("GET", "/log?plane=arm")}
    assert hosts == {"management.azure.com"}


def test_other_hosts_are_refused_with_a_sentence(behind_proxy: SimulatorProcess):
    with httpx.Client(proxy=behind_proxy.ready["proxy_url"], trust_env=False) as http:
        with pytest.raises(httpx.ProxyError, match="403 Forbidden"):
            http.get("https://example.com/")
        answer = http.get("http://management.azure.com/")
    assert answer.status_code == 405
    assert "set HTTPS_PROXY to it, not HTTP_PROXY" in answer.text


@pytest.mark.parametrize(
    ("host", "is_led"),
    [
        ("management.azure.com", True),
        ("Management.Azure.Com.", True),
        ("westeurope.metrics.monitor.azure.com", True),
        ("a.b.metrics.monitor.azure.com", False),
        ("metrics.monitor.azure.com", False),
        ("management.azure.com.example.org", False),
        ("", False),
    ],
)
def test_only_azures_hosts_are_led_to_the_simulator(host: str, is_led: bool):
    assert leads_to_the_simulator(host) is is_led


def test_it_can_be_called_by_another_name(tmp_path: Path):
    """As in a network of containers."""
    simulator = SimulatorProcess(tmp_path, "--name", "localhost", "--host", "0.0.0.0")  # noqa: S104
    simulator.start()
    try:
        assert simulator.ready["arm_endpoint"].startswith("https://localhost:")
        assert simulator.ready["identity_endpoint"].startswith("http://localhost:")
        assert simulator.control("GET", "/state")["accounts"]
    finally:
        simulator.end()


def test_a_name_that_the_certificate_lacks_makes_it_anew(tmp_path: Path):
    first = certificates(tmp_path).ca.read_bytes()
    assert certificates(tmp_path).ca.read_bytes() == first
    assert certificates(tmp_path, "simulator").ca.read_bytes() != first


def test_idle_connections_stay_open_as_long_as_asked(tmp_path: Path):
    """A second here; what is the default (75 s) hides no client that keeps stale connections."""
    simulator = SimulatorProcess(tmp_path, "--keep-alive-seconds", "1").start()
    try:
        with connection(simulator) as wire:
            wire.sendall(b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n")
            began = time.monotonic()
            assert wire.recv(65536).startswith(b"HTTP/1.1 404 ")
            everything(wire)
            assert 0.9 < time.monotonic() - began < 8
    finally:
        simulator.end()
