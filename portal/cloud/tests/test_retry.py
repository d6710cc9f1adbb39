"""Reads are repeated with short sleeps; a write is sent once, whatever comes back."""

from email.utils import format_datetime

import pytest
import requests
from azure.core.exceptions import AzureError, ServiceResponseError
from azure.core.rest import HttpRequest
from urllib3.exceptions import ProtocolError

from portal.cloud.retry import LONGEST_SLEEP_SECONDS, retry_after_seconds
from portal.cloud.tests.canned import Answer, Canned, deployment, error, listed
from portal.kernel.clock import real_now
from portal.kernel.windows import HOUR


def read(canned: Canned) -> None:
    canned.arm().deployments.get("rg-ai", "acme-eus", "chat")


def aborted() -> Exception:
    return requests.exceptions.ConnectionError(ProtocolError("Connection aborted."))


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_read_is_asked_again_while_azure_stumbles(status: int) -> None:
    canned = Canned(error(status, "Stumbled"), error(status, "Stumbled"), Answer(200, deployment()))
    read(canned)
    assert len(canned.requests) == 3
    assert len(canned.slept) == 2
    assert 0.4 <= canned.slept[0] <= 0.8 <= canned.slept[1] <= 1.6


def test_a_read_gives_up_after_four_attempts() -> None:
    canned = Canned(error(503, "ServiceUnavailable"))
    with pytest.raises(AzureError):
        read(canned)
    assert len(canned.requests) == 4


def test_a_broken_connection_is_asked_again() -> None:
    canned = Canned(aborted(), Answer(200, deployment()))
    read(canned)
    assert len(canned.requests) == 2


def test_a_body_cut_short_is_asked_again() -> None:
    canned = Canned(Answer(200, {"values": []}, cut_bytes=10), Answer(200, {"values": []}))
    client = canned.metrics()
    answer = client.send_request(HttpRequest("POST", "/x"), retry_on_methods=["POST"])
    assert answer.json() == {"values": []}
    assert len(canned.requests) == 2


def test_a_short_retry_after_is_honoured_with_a_little_on_top() -> None:
    canned = Canned(error(429, "TooManyRequests", Retry_After="7"), Answer(200, deployment()))
    read(canned)
    assert 7 <= canned.slept[0] <= 7.7


def test_no_sleep_is_longer_than_the_longest() -> None:
    canned = Canned(error(429, "TooManyRequests", Retry_After="20"), Answer(200, deployment()))
    read(canned)
    assert canned.slept == [LONGEST_SLEEP_SECONDS]


@pytest.mark.parametrize(
    "wait", ["21", "300", pytest.param(format_datetime(real_now() + HOUR), id="in an hour")]
)
def test_a_longer_wait_is_given_back_to_the_caller_at_once(wait: str) -> None:
    canned = Canned(error(429, "TooManyRequests", Retry_After=wait))
    with pytest.raises(AzureError):
        read(canned)
    assert len(canned.requests) == 1
    assert canned.slept == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 412])
def test_a_refusal_stands_even_with_a_retry_after(status: int) -> None:
    canned = Canned(error(status, "No", Retry_After="1"))
    with pytest.raises(AzureError):
        read(canned)
    assert len(canned.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        error(429, "TooManyRequests", Retry_After="1"),
        error(409, "RequestConflict", Retry_After="1"),
        error(500, "InternalServerError"),
        error(503, "ServiceUnavailable", Retry_After="1"),
        Answer(502, "<html>Bad gateway</html>"),
        Answer(307, None, {"Location": "https://elsewhere.invalid/"}),
        Answer(
            401,
            {"error": {"code": "x", "message": "y"}},
            {"WWW-Authenticate": 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'},
        ),
        aborted(),
        requests.exceptions.ReadTimeout("read timed out"),
    ],
)
def test_a_patch_is_sent_once_whatever_comes_back(answer: Answer | Exception) -> None:
    canned = Canned(answer)
    with pytest.raises(AzureError):
        canned.arm().deployments.begin_update("rg-ai", "acme-eus", "chat", b"{}", polling=False)
    assert len(canned.requests) == 1
    assert canned.slept == []


def test_a_read_answers_a_claims_challenge_with_a_new_token() -> None:
    challenge = 'Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="'
    refused = Answer(401, {"error": {"code": "x"}}, {"WWW-Authenticate": challenge})
    canned = Canned(refused, Answer(200, deployment()))
    read(canned)
    assert len(canned.requests) == 2


def test_the_portal_never_registers_a_resource_provider_by_itself() -> None:
    canned = Canned(error(409, "MissingSubscriptionRegistration"))
    with pytest.raises(AzureError):
        read(canned)
    assert [line.split()[0] for line in canned.sent] == ["GET"]


def test_a_reading_post_is_repeated_only_when_the_call_says_that_it_reads() -> None:
    canned = Canned(aborted())
    with pytest.raises(ServiceResponseError):
        canned.metrics().send_request(HttpRequest("POST", "/x"))
    assert len(canned.requests) == 1
    with pytest.raises(ServiceResponseError):
        canned.metrics().send_request(HttpRequest("POST", "/x"), retry_on_methods=["POST"])
    assert len(canned.requests) == 5


def test_a_list_is_asked_page_by_page() -> None:
    first = Answer(200, {"value": [deployment()], "nextLink": "https://arm.invalid/next"})
    canned = Canned(first, listed([deployment()]))
    assert len(list(canned.arm().deployments.list("rg-ai", "acme-eus"))) == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "3"}, 3.0),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "1500", "Retry-After": "9"}, 1.5),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "Thu, 01 Jan 1970 00:00:00 GMT"}, None),
        ({}, None),
    ],
)
def test_what_an_answer_asks_us_to_wait(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_seconds(headers) == seconds
