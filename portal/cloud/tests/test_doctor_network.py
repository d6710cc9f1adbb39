"""Name, refusal, certificate, proxy, silence, another cloud and a wrong clock, told apart."""

import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from portal.cloud import pauses
from portal.cloud.doctor import reach
from portal.cloud.doctor.cloud_match import examine_cloud
from portal.cloud.endpoints import arm_endpoint
from portal.cloud.tests.doctor_world import SUBSCRIPTION, by_check, examined, failures
from portal.kernel.findings import Finding, Outcome
from stack.simulator_process import SimulatorProcess


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def reached() -> Finding:
    [finding] = by_check(examined())["azure.reach_arm"]
    return finding


@pytest.mark.parametrize(
    ("endpoint", "reason", "words"),
    [
        ("https://127.0.0.1:9", "refused", "the connection was refused"),
        ("https://azure.invalid", "dns", "its name cannot be resolved"),
    ],
)
def test_an_endpoint_that_is_not_there(
    simulator: SimulatorProcess, settings: Any, endpoint: str, reason: str, words: str
) -> None:
    settings.AZURE_ARM_ENDPOINT = endpoint
    findings = examined()
    [finding] = by_check(findings)["azure.reach_arm"]
    assert finding.facts["reason"] == reason
    assert words in finding.sentence
    assert endpoint in finding.sentence
    assert by_check(findings)["azure.accounts"][0].outcome is Outcome.NOT_TRIED


def test_a_server_that_says_nothing(
    simulator: SimulatorProcess,
    settings: Any,
    silent_port: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reach, "ANSWER_SECONDS", 0.2)
    settings.AZURE_ARM_ENDPOINT = f"http://127.0.0.1:{silent_port}"
    assert reached().facts["reason"] == "silent"
    assert "no answer came in time" in reached().sentence


def test_a_certificate_that_this_machine_does_not_trust(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    finding = reached()
    assert finding.facts["reason"] == "certificate"
    assert "REQUESTS_CA_BUNDLE" in finding.fix


def test_a_server_that_speaks_no_tls(simulator: SimulatorProcess, settings: Any) -> None:
    # The token endpoint of App Service is plain http.
    plain = simulator.environment["IDENTITY_ENDPOINT"].replace("http://", "https://")
    settings.AZURE_ARM_ENDPOINT = plain.removesuffix("/msi/token")
    assert reached().facts["reason"] == "tls"


def test_a_proxy_that_is_not_there(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    finding = reached()
    assert finding.facts["reason"] == "proxy"
    assert "HTTPS_PROXY" in finding.fix


def test_a_connection_that_is_cut(simulator: SimulatorProcess) -> None:
    fault = {"match": "GET /subscriptions\\?", "drop": "before", "times": 0}
    simulator.control("POST", "/faults", fault)
    assert reached().facts["reason"] == "cut"


@pytest.mark.parametrize(
    ("status", "body"), [(407, "<html>Who?</html>"), (302, ""), (502, "<html>Bad gateway</html>")]
)
def test_a_proxys_own_answer_is_not_azure(
    simulator: SimulatorProcess, status: int, body: str
) -> None:
    fault = {"match": "GET /subscriptions\\?", "status": status, "body": body, "times": 0}
    simulator.control("POST", "/faults", fault)
    finding = reached()
    assert finding.outcome is Outcome.FAILED
    assert f"with HTTP {status}, but it is not Azure" in finding.sentence


def test_metrics_that_cannot_be_reached_leave_the_rest_well(
    simulator: SimulatorProcess, settings: Any
) -> None:
    settings.AZURE_METRICS_ENDPOINT = "https://{region}.azure.invalid"
    wrong = failures(examined())
    assert {one.check for one in wrong} == {"azure.metrics"}
    assert {one.facts["reason"] for one in wrong} == {"dns"}
    assert "https://eastus2.azure.invalid" in wrong[0].sentence


# ── The clock ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("seconds", "outcome", "words"),
    [
        (0, Outcome.OK, "agree to the second"),
        (-20, Outcome.OK, "agree within 20 seconds"),
        (30, Outcome.OK, "agree within 30 seconds"),
        (31, Outcome.WARNING, "31 seconds ahead of Azure's"),
        (-300, Outcome.WARNING, "5 minutes behind Azure's"),
        (301, Outcome.FAILED, "5 minutes ahead of Azure's"),
        (-7200, Outcome.FAILED, "120 minutes behind Azure's"),
    ],
)
def test_a_clock_is_judged_by_how_far_it_is_off(seconds: int, outcome: Outcome, words: str) -> None:
    finding = reach.clock_finding(timedelta(seconds=seconds))
    assert finding.outcome is outcome
    assert words in finding.sentence
    assert finding.facts == {"skew_seconds": seconds}
    assert bool(finding.fix) is (outcome is not Outcome.OK)


def test_the_clock_is_compared_with_azures_own_date(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"date_offset_seconds": -600})
    [finding] = by_check(examined())["azure.clock"]
    assert finding.outcome is Outcome.FAILED
    assert abs(int(str(finding.facts["skew_seconds"])) - 600) <= 2


def test_an_answer_without_a_date_is_not_taken_for_a_good_clock() -> None:
    assert reach._ahead(reach.clock.real_now(), None) is None
    assert reach._ahead(reach.clock.real_now(), "soon") is None
    assert reach.clock_finding(None).outcome is Outcome.WARNING


# ── The cloud ────────────────────────────────────────────────────────────────────────────────


def cloud_is(settings: Any, cloud: str, arm: str, control_url: str = "") -> Finding:
    settings.HEADROOM_AZURE_CLOUD = cloud
    settings.AZURE_ARM_ENDPOINT = arm
    settings.AZURE_METRICS_ENDPOINT = "https://{region}.metrics.monitor.azure.com"
    settings.AZURE_AUTHORITY_HOST = "login.microsoftonline.com"
    settings.HEADROOM_SIMULATOR_CONTROL_URL = control_url
    return examine_cloud()


def test_the_addresses_of_the_cloud_itself_are_well(settings: Any) -> None:
    finding = cloud_is(settings, "public", "https://management.azure.com")
    assert finding.outcome is Outcome.OK
    assert "all addresses are its own" in finding.sentence


def test_an_address_of_another_cloud_is_a_failure(settings: Any) -> None:
    finding = cloud_is(settings, "public", "https://management.usgovcloudapi.net")
    assert finding.outcome is Outcome.FAILED
    assert "AZURE_ARM_ENDPOINT belongs to Azure Government (US)" in finding.sentence
    assert "HEADROOM_AZURE_CLOUD" in finding.fix


def test_an_address_of_ones_own_is_mentioned(settings: Any) -> None:
    finding = cloud_is(settings, "public", "https://gateway.example.com")
    assert finding.outcome is Outcome.WARNING
    assert "but not the address in AZURE_ARM_ENDPOINT" in finding.sentence


def test_a_simulated_azure_is_called_one(settings: Any) -> None:
    finding = cloud_is(settings, "public", "https://127.0.0.1:1", control_url="https://127.0.0.1:1")
    assert finding.outcome is Outcome.OK
    assert "played by a simulator" in finding.sentence


# ── Pauses ───────────────────────────────────────────────────────────────────────────────────


def test_an_endpoint_that_answers_again_is_not_held_back_by_its_pause(
    simulator: SimulatorProcess,
) -> None:
    at = reach.clock.real_now().timestamp()
    for _ in range(pauses.FAILURES_TO_PAUSE):
        pauses.note_failure(arm_endpoint(), at=at)
    assert pauses.pauses_of(arm_endpoint(), [], at=at)
    assert failures(examined()) == []
    assert not pauses.pauses_of(arm_endpoint(), [], at=at)


def test_a_wait_that_azure_asked_for_is_kept_and_told(simulator: SimulatorProcess) -> None:
    at = reach.clock.real_now().timestamp()
    pauses.note_wait(arm_endpoint(), SUBSCRIPTION, 600, at=at)
    [failure] = failures(examined())
    assert failure.check == "azure.accounts"
    assert "nothing was sent, as calls there are paused" in failure.sentence
    assert "in 10 minutes" in failure.fix
