"""Every exception the SDKs leak becomes a CloudError: reason, Azure's words, and the doubt left."""

import json
import ssl
from collections.abc import Callable
from datetime import timedelta

import pytest
import requests
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    DeserializationError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
    ServiceResponseTimeoutError,
)
from azure.core.polling.base_polling import OperationFailed
from azure.identity import CredentialUnavailableError
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError, SSLError

from portal.cloud.errors import Call, azure_errors, cloud_error
from portal.cloud.sentences import QUOTA_FORM
from portal.cloud.tests.canned import Answer, Canned, error
from portal.kernel.errors import CloudError, CloudReason


def raised_by(answer: Answer | Exception, call: Call = Call.READ) -> CloudError:
    """What a read of a deployment (or a PATCH of it) raises after this answer."""
    deployments = Canned(answer).arm().deployments
    chat = ("rg-ai", "acme-eus", "chat")
    try:
        with azure_errors("read deployment chat", call):
            if call is Call.READ:
                deployments.get(*chat)
            else:
                deployments.begin_update(*chat, b"{}", polling=False)
    except CloudError as caught:
        return caught
    raise AssertionError("nothing was raised")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error(429, "TooManyRequests", Retry_After="300"), CloudReason.THROTTLED),
        (error(429, "SubscriptionRequestsThrottled", Retry_After="300"), CloudReason.THROTTLED),
        (error(409, "RequestConflict"), CloudReason.CONFLICT),
        (error(409, "ScopeLocked"), CloudReason.FORBIDDEN),
        (error(400, "InsufficientQuota"), CloudReason.INSUFFICIENT_QUOTA),
        (error(400, "insufficientquota"), CloudReason.INSUFFICIENT_QUOTA),
        (error(400, "715-123420"), CloudReason.INSUFFICIENT_QUOTA),
        (error(409, "InsufficientCapacity"), CloudReason.CAPACITY_NOT_AVAILABLE),
        (error(403, "AuthorizationFailed"), CloudReason.FORBIDDEN),
        (error(401, "ExpiredAuthenticationToken"), CloudReason.FORBIDDEN),
        (error(404, "ResourceNotFound"), CloudReason.NOT_FOUND),
        (error(400, "InvalidResourceProperties"), CloudReason.BAD_REQUEST),
        (error(422, "Odd"), CloudReason.BAD_REQUEST),
        (error(504, "GatewayTimeout", Retry_After="60"), CloudReason.TIMEOUT),
        (error(500, "InternalServerError", Retry_After="60"), CloudReason.UNKNOWN),
        (Answer(404, "<html>no such page</html>"), CloudReason.NOT_FOUND),
        (Answer(403, None), CloudReason.FORBIDDEN),
        (Answer(400, [1, 2]), CloudReason.BAD_REQUEST),
        (Answer(400, {"error": "a text"}), CloudReason.BAD_REQUEST),
    ],
)
def test_the_reason_of_a_refusal(answer: Answer, reason: CloudReason) -> None:
    refusal = raised_by(answer)
    assert refusal.reason is reason
    assert refusal.status == answer.status
    assert refusal.code == f"azure_{reason.value}"
    assert refusal.maybe_applied is False


def test_azures_own_words_are_kept() -> None:
    words = "This operation require 30 new capacity in quota Tokens Per Minute (thousands) - x."
    refusal = raised_by(error(400, "InsufficientQuota", words))
    assert (refusal.azure_code, refusal.azure_message) == ("InsufficientQuota", words)
    assert refusal.sentence.startswith("Azure would not read deployment chat: the quota is too")


def test_a_reason_hidden_in_the_details_is_found() -> None:
    details = [{"code": "InsufficientQuota", "message": "short"}]
    body = {"error": {"code": "DeploymentFailed", "message": "see details", "details": details}}
    told = raised_by(Answer(400, body))
    assert told.reason is CloudReason.INSUFFICIENT_QUOTA
    assert told.azure_message == "see details: short"


def test_what_azure_asks_us_to_wait_is_handed_on() -> None:
    throttled = raised_by(error(429, "TooManyRequests", Retry_After="300"))
    assert throttled.retry_after == timedelta(seconds=300)
    assert "in 5 minutes" in throttled.sentence


def test_an_html_page_of_a_proxy_in_the_way() -> None:
    gateway = raised_by(Answer(502, "<html>Bad gateway</html>", {"Retry-After": "60"}))
    assert gateway.reason is CloudReason.UNKNOWN
    assert "HTTP 502" in gateway.sentence
    assert "<html>" not in gateway.azure_message


def test_an_html_page_with_status_200() -> None:
    page = raised_by(Answer(200, b"<html>Log in to the wifi</html>"))
    assert page.reason is CloudReason.UNKNOWN
    assert page.maybe_applied is False


def test_a_type_that_does_not_fit() -> None:
    body = {"id": "x", "name": "chat", "sku": {"name": "Standard", "capacity": "ten"}}
    assert raised_by(Answer(200, body)).reason is CloudReason.UNKNOWN


def test_a_refused_token_says_so() -> None:
    refusal = raised_by(error(401, "InvalidAuthenticationTokenAudience"))
    assert refusal.reason is CloudReason.FORBIDDEN
    assert "did not accept the portal's sign-in" in refusal.sentence


def test_a_right_that_is_missing_is_named_with_the_role_and_the_place() -> None:
    action = "Microsoft.CognitiveServices/accounts/deployments/write"
    account = "/subscriptions/1111/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts"
    message = (
        "The client 'a' with object id 'b' does not have authorization to perform action "
        f"'{action}' over scope '{account}/acme/deployments/chat' or the scope is invalid."
    )
    refusal = raised_by(error(403, "AuthorizationFailed", message), Call.WRITE)
    assert f"lacks the right {action} on account acme of subscription 1111." in refusal.sentence
    assert "the role Headroom capacity writer" in refusal.sentence
    assert refusal.azure_message == message


@pytest.mark.parametrize(
    "said", ["No.", "to perform action 'Odd/do' over scope '/subscriptions/1'"]
)
def test_a_right_that_the_portal_does_not_know_is_looked_up_in_its_docs(said: str) -> None:
    assert "docs/azure.md names" in raised_by(error(403, "AuthorizationFailed", said)).sentence


@pytest.mark.parametrize("code", ["InsufficientQuota", "715-123420"])
def test_a_lack_of_quota_leads_to_microsofts_form(code: str) -> None:
    assert QUOTA_FORM in raised_by(error(400, code)).sentence


def test_a_missing_token_is_no_refusal_by_azure() -> None:
    for no_token in (
        CredentialUnavailableError("configuration not found"),
        ClientAuthenticationError("DefaultAzureCredential failed"),
    ):
        failure = cloud_error(no_token, "list the accounts", Call.WRITE)
        assert failure.reason is CloudReason.UNKNOWN
        assert "identity gave no token" in failure.sentence
        assert failure.maybe_applied is False


def test_a_lock_a_policy_and_a_missing_registration_have_sentences_of_their_own() -> None:
    assert "lock" in raised_by(error(409, "ScopeLocked")).sentence
    policy = raised_by(error(403, "RequestDisallowedByPolicy", "Only in Europe"))
    assert policy.sentence.endswith("forbids it. Only in Europe.")
    assert "not registered" in raised_by(error(409, "MissingSubscriptionRegistration")).sentence


# ── Whether a write may have been carried out ────────────────────────────────────────────────


def connecting(reason: Exception) -> Exception:
    return requests.exceptions.ConnectionError(MaxRetryError(None, "/", reason))  # type: ignore[arg-type]


def ssl_failure(reason: ssl.SSLError) -> Exception:
    return requests.exceptions.SSLError(MaxRetryError(None, "/", SSLError(reason)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("answer", "in_doubt"),
    [
        (error(400, "InsufficientQuota"), False),
        (error(403, "AuthorizationFailed"), False),
        (error(404, "ResourceNotFound"), False),
        (error(409, "RequestConflict"), False),
        (error(429, "TooManyRequests"), False),
        (Answer(307, None, {"Location": "https://elsewhere.invalid/"}), False),
        (error(408, "RequestTimeout"), True),
        (error(500, "InternalServerError"), True),
        (Answer(502, "<html>Bad gateway</html>"), True),
        (error(503, "ServiceUnavailable"), True),
        (error(504, "GatewayTimeout"), True),
        (Answer(200, b"{", cut_bytes=50), True),
        (requests.exceptions.ReadTimeout("read timed out"), True),
        (requests.exceptions.ConnectionError(ProtocolError("Connection aborted.")), True),
        (ssl_failure(ssl.SSLEOFError(8, "EOF occurred in violation of protocol")), True),
        (connecting(NewConnectionError(None, "refused")), False),  # type: ignore[arg-type]
        (requests.exceptions.ConnectTimeout("connect timed out"), False),
        (ssl_failure(ssl.SSLCertVerificationError(1, "self-signed certificate")), False),
    ],
)
def test_a_write_is_in_doubt_only_when_it_may_have_arrived(
    answer: Answer | Exception, in_doubt: bool
) -> None:
    failure = raised_by(answer, Call.WRITE)
    assert failure.maybe_applied is in_doubt
    assert ("reads back before it writes again" in failure.sentence) is in_doubt


def test_a_read_leaves_no_doubt() -> None:
    assert cloud_error(ServiceResponseError("aborted"), "read", Call.READ).maybe_applied is False


def test_asking_after_a_write_leaves_the_write_in_doubt() -> None:
    lost = HttpResponseError("Invalid return status 404", response=None)
    assert cloud_error(lost, "finish the change", Call.POLL).maybe_applied is True


def test_an_operation_that_azure_gave_up_is_not_in_doubt() -> None:
    gave_up = HttpResponseError("failed", error=OperationFailed("Operation failed or canceled"))
    failure = cloud_error(gave_up, "finish the change", Call.POLL)
    assert failure.maybe_applied is False
    assert "and then gave up" in failure.sentence


# ── Hand-made exceptions ─────────────────────────────────────────────────────────────────────


def json_error() -> Exception:
    try:
        json.loads("<html>")
    except json.JSONDecodeError as error:
        return error
    raise AssertionError("that was no JSON")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: ServiceRequestError("no route"), CloudReason.TIMEOUT),
        (lambda: ServiceRequestTimeoutError("connect timed out"), CloudReason.TIMEOUT),
        (lambda: ServiceResponseError("aborted"), CloudReason.TIMEOUT),
        (lambda: ServiceResponseTimeoutError("read timed out"), CloudReason.TIMEOUT),
        (lambda: ConnectionResetError("reset by peer"), CloudReason.TIMEOUT),
        (lambda: IncompleteReadError("cut"), CloudReason.TIMEOUT),
        (lambda: DecodeError("garbled"), CloudReason.UNKNOWN),
        (lambda: DeserializationError("capacity is ten"), CloudReason.UNKNOWN),
        (json_error, CloudReason.UNKNOWN),
        (lambda: ValueError("no"), CloudReason.UNKNOWN),
        (lambda: TypeError("'NoneType' object is not iterable"), CloudReason.UNKNOWN),
        (lambda: KeyError("values"), CloudReason.UNKNOWN),
        (lambda: OverflowError("cannot convert float infinity to integer"), CloudReason.UNKNOWN),
        (lambda: RecursionError("nested too deeply"), CloudReason.UNKNOWN),
        (lambda: AttributeError("'list' object has no attribute 'get'"), CloudReason.UNKNOWN),
        (lambda: HttpResponseError("no answer"), CloudReason.UNKNOWN),
    ],
)
def test_a_hand_made_exception_has_a_reason_and_a_whole_sentence(
    make: Callable[[], Exception], reason: CloudReason
) -> None:
    with pytest.raises(CloudError) as caught, azure_errors("list the accounts"):
        raise make()
    assert caught.value.reason is reason
    assert caught.value.sentence.endswith(".")
    assert "{" not in caught.value.sentence
    assert "list the accounts" in caught.value.sentence


def test_a_cloud_error_passes_through_as_it_is() -> None:
    ours = CloudError(CloudReason.NOT_FOUND, "Gone.")
    with pytest.raises(CloudError) as caught, azure_errors("list the accounts"):
        raise ours
    assert caught.value is ours


def test_a_fault_of_our_own_is_not_dressed_up_as_azures() -> None:
    with pytest.raises(ZeroDivisionError), azure_errors("list the accounts"):
        raise ZeroDivisionError
