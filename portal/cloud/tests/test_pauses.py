"""An endpoint that fails is left alone for a while, by all processes, and found well again."""

import pytest
import requests
from urllib3.exceptions import ProtocolError

from portal.cloud import pauses
from portal.cloud.capacity import AzureCapacity
from portal.cloud.endpoints import Endpoint, Plane
from portal.cloud.errors import Call, azure_errors
from portal.cloud.pauses import FAILURES_TO_PAUSE, Why
from portal.cloud.tests.canned import SUBSCRIPTION, Answer, Canned, deployment, error
from portal.kernel.errors import CloudError, CloudReason

ARM = Endpoint(Plane.ARM, "https://arm.invalid")
OTHER = "22222222-2222-4222-8222-222222222222"
AT = 1_000_000.0


def aborted() -> Exception:
    return requests.exceptions.ConnectionError(ProtocolError("Connection aborted."))


def read(canned: Canned, call: Call = Call.READ) -> CloudError | None:
    try:
        with azure_errors("read the deployment", call):
            canned.arm().deployments.get("rg-ai", "acme-eus", "chat")
    except CloudError as failed:
        return failed
    return None


def fail(times: int, at: float = AT) -> None:
    for _ in range(times):
        pauses.note_failure(ARM, at=at)


def why(at: float, subscription: str = SUBSCRIPTION) -> Why | None:
    found = pauses.pause_before(ARM, subscription, at=at)
    return found.why if found else None


# ── The breaker ──────────────────────────────────────────────────────────────────────────────


def test_five_failures_in_a_row_pause_an_endpoint_for_half_a_minute() -> None:
    fail(FAILURES_TO_PAUSE - 1)
    assert why(AT) is None
    fail(1)
    assert why(AT) is Why.FAILED
    assert why(AT + 29.9) is Why.FAILED
    assert why(AT + 30) is None


def test_an_answer_in_between_begins_the_count_again() -> None:
    fail(FAILURES_TO_PAUSE - 1)
    pauses.note_answer(ARM)
    fail(FAILURES_TO_PAUSE - 1)
    assert why(AT) is None


def test_after_the_pause_one_call_tries_and_the_others_wait_for_it() -> None:
    fail(FAILURES_TO_PAUSE)
    later = AT + 31
    assert why(later) is None
    waiting = pauses.pause_before(ARM, SUBSCRIPTION, at=later)
    assert waiting is not None
    assert waiting.until == later + pauses.WHILE_PROBING_SECONDS
    pauses.note_answer(ARM)
    assert why(later) is None
    assert why(later) is None


def test_a_trial_that_fails_doubles_the_pause_up_to_five_minutes() -> None:
    fail(FAILURES_TO_PAUSE)
    at, lengths = AT, []
    for _ in range(6):
        [pause] = pauses.pauses_of(ARM, [SUBSCRIPTION], at=at)
        lengths.append(pause.until - at)
        at = pause.until
        assert why(at) is None  # the trial
        fail(1, at=at)
    assert lengths == [30, 60, 120, 240, 300, 300]


def test_calls_under_way_when_it_paused_do_not_lengthen_the_pause() -> None:
    fail(FAILURES_TO_PAUSE)
    fail(3, at=AT + 1)
    [pause] = pauses.pauses_of(ARM, [], at=AT + 1)
    assert (pause.until, pause.failures) == (AT + 30, FAILURES_TO_PAUSE + 3)


def test_one_endpoint_says_nothing_of_another() -> None:
    fail(FAILURES_TO_PAUSE)
    west = Endpoint(Plane.METRICS, "https://westeurope.metrics.invalid")
    assert pauses.pause_before(west, SUBSCRIPTION, at=AT) is None


@pytest.mark.parametrize("broken", [error(500, "Oops"), error(502, "Oops"), aborted()])
def test_a_paused_endpoint_is_sent_nothing_and_says_so(broken: Answer | Exception) -> None:
    canned = Canned(broken)
    for _ in range(FAILURES_TO_PAUSE):
        assert read(canned) is not None
    sent = len(canned.requests)
    paused = read(canned)
    assert paused is not None
    assert len(canned.requests) == sent == 4 * FAILURES_TO_PAUSE
    assert paused.reason is CloudReason.TIMEOUT
    assert paused.retry_after is not None
    assert 25 < paused.retry_after.total_seconds() <= 30
    assert "did not answer 5 calls in a row" in paused.sentence
    assert "did not ask it to read the deployment" in paused.sentence
    assert "Nothing was sent." in paused.sentence


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429])
def test_a_refusal_is_an_answer_and_never_pauses(status: int) -> None:
    canned = Canned(error(status, "No"))
    for _ in range(FAILURES_TO_PAUSE + 1):
        assert read(canned) is not None
    assert pauses.pauses_of(ARM, [SUBSCRIPTION], at=0) == []


def test_a_write_that_a_pause_held_back_was_not_made_and_a_poll_leaves_it_open() -> None:
    for _ in range(FAILURES_TO_PAUSE):
        read(Canned(error(503, "Busy")))
    for call, in_doubt in ((Call.WRITE, False), (Call.POLL, True), (Call.READ, False)):
        held = read(Canned(Answer(200, deployment())), call)
        assert held is not None
        assert held.maybe_applied is in_doubt


def test_a_paused_endpoint_is_not_even_asked_for_a_token(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    fail(FAILURES_TO_PAUSE, at=4e9)
    canned = Canned(Answer(200, deployment()))
    monkeypatch.setattr(
        "portal.cloud.tests.canned.AnyToken.get_token_info", lambda *_, **__: pytest.fail("asked")
    )
    assert read(canned) is not None


# ── The waits that Azure asks for ────────────────────────────────────────────────────────────


def test_a_long_wait_that_azure_asks_for_holds_back_all_calls_of_the_subscription() -> None:
    first = read(Canned(error(429, "TooManyRequests", Retry_After="120")))
    assert first is not None
    assert first.retry_after is not None
    unasked = Canned(Answer(200, deployment()))
    second = read(unasked)
    assert second is not None
    assert unasked.requests == []
    assert second.reason is CloudReason.THROTTLED
    assert second.retry_after is not None
    assert 115 < second.retry_after.total_seconds() <= 120
    assert "asked the portal to wait" in second.sentence


def test_a_short_wait_is_slept_and_not_shared() -> None:
    canned = Canned(error(429, "TooManyRequests", Retry_After="7"), Answer(200, deployment()))
    assert read(canned) is None
    assert pauses.pauses_of(ARM, [SUBSCRIPTION], at=0) == []


def test_azures_limits_are_of_a_subscription_so_the_others_go_on() -> None:
    pauses.note_wait(ARM, SUBSCRIPTION, 60, at=AT)
    assert why(AT) is Why.THROTTLED
    assert why(AT, SUBSCRIPTION.upper()) is Why.THROTTLED
    assert why(AT, OTHER) is None
    assert why(AT + 60) is None


def test_no_wait_is_longer_than_an_hour() -> None:
    pauses.note_wait(ARM, SUBSCRIPTION, 86_400, at=AT)
    assert why(AT + 3599) is Why.THROTTLED
    assert why(AT + 3600) is None


# ── Without a cache ──────────────────────────────────────────────────────────────────────────


def test_a_cache_that_fails_stops_no_call(settings) -> None:  # type: ignore[no-untyped-def]
    nowhere = "unix:///nowhere/valkey.sock?db=2"
    backend = "django.core.cache.backends.redis.RedisCache"
    settings.CACHES = {"default": {"BACKEND": backend, "LOCATION": nowhere}}
    assert read(Canned(Answer(200, deployment()))) is None
    failed = read(Canned(error(500, "Oops")))
    assert failed is not None
    assert failed.status == 500


def test_the_adapter_says_what_the_gate_says(settings) -> None:  # type: ignore[no-untyped-def]
    endpoint = Endpoint(Plane.ARM, "https://arm.invalid")
    settings.AZURE_ARM_ENDPOINT = endpoint.address
    for _ in range(FAILURES_TO_PAUSE):
        pauses.note_failure(endpoint, at=4e9)
    with pytest.raises(CloudError) as caught:
        AzureCapacity().inventory(SUBSCRIPTION)
    assert f"list the accounts of subscription {SUBSCRIPTION}" in caught.value.sentence
