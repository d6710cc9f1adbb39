"""Everything the SDKs may raise, as `CloudError`: what Azure said, and whether a write happened.

Besides `AzureError` the SDKs leak errors of their own parts: ValueError (a body that is no JSON or
of the wrong type), TypeError, AttributeError, KeyError (JSON of another shape), OverflowError (a
number without an end), RecursionError (nesting without an end), OSError (sockets).
The words for people are in `portal.cloud.sentences`.
"""

import json
import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from http.client import HTTPException
from typing import Any

from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    IncompleteReadError,
    ServiceRequestError,
    ServiceRequestTimeoutError,
    ServiceResponseError,
)
from azure.core.polling.base_polling import OperationFailed
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProxyError

from portal.cloud import calls
from portal.cloud.pauses import Why
from portal.cloud.policies import Paused
from portal.cloud.reasons import reason_of
from portal.cloud.retry import retry_after_seconds
from portal.cloud.sentences import Failure, sentence_of
from portal.kernel.clock import real_now
from portal.kernel.errors import CloudError, CloudReason

log = logging.getLogger(__name__)

LEAKED = (
    *(ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError),
    *(OSError, HTTPException, HTTPError),
)
# The line broke, before or in an answer; the SDK calls a cut body one that cannot be decoded.
NO_WHOLE_ANSWER = (ServiceRequestError, ServiceResponseError, IncompleteReadError)
MOST_DETAILS = 3
OPERATION_REFUSED = (400, 422)
# Raised before a byte of the request left this machine.
NEVER_SENT = (
    NewConnectionError,
    ConnectTimeoutError,
    ServiceRequestTimeoutError,
    ProxyError,
    ssl.SSLCertVerificationError,
)


class Call(Enum):
    """What kind of call it was: that decides what a broken answer leaves in doubt."""

    READ = auto()
    WRITE = auto()
    POLL = auto()  # asks how a write that Azure took on is going


@contextmanager
def azure_errors(doing: str, call: Call = Call.READ) -> Iterator[None]:
    """Raises whatever goes wrong inside as CloudError. `doing` completes "Azure would not …"."""
    calls.forget_last()
    try:
        yield
    except CloudError:
        raise
    except (AzureError, *LEAKED) as error:
        raise cloud_error(error, doing, call) from error


def cloud_error(error: Exception, doing: str, call: Call = Call.READ) -> CloudError:
    """The one mapping of an SDK's exception. See `portal.cloud.reasons` for the reasons."""
    if _is_unreadable(error):
        calls.count_unreadable(at=real_now())
        log.warning("unreadable answer while trying to %s", doing, exc_info=error)
    said = _what_azure_said(error)
    failure = Failure(
        doing=doing,
        reason=_reason(error, said),
        status=said.status,
        azure_code=said.code,
        azure_message=said.message,
        retry_after=_retry_after(error),
        maybe_applied=_maybe_applied(error, call),
        operation_failed=_operation_failed(error),
        no_token=_no_token(error),
        paused=_paused_words(error),
    )
    return CloudError(
        failure.reason,
        sentence_of(failure),
        azure_code=failure.azure_code,
        azure_message=failure.azure_message,
        status=failure.status,
        retry_after=failure.retry_after,
        maybe_applied=failure.maybe_applied,
    )


def _is_unreadable(error: Exception) -> bool:
    """Azure answered whole, and the body means nothing to us."""
    if isinstance(error, AzureError):
        return isinstance(error, DecodeError) and not isinstance(error, IncompleteReadError)
    return not isinstance(error, OSError)


@dataclass(frozen=True)
class _Said:
    status: int | None = None
    code: str = ""
    message: str = ""
    detail_codes: tuple[str, ...] = ()


def _what_azure_said(error: Exception) -> _Said:
    if not isinstance(error, HttpResponseError):
        return _Said(message=str(error) if isinstance(error, AzureError) else "")
    if error.response is None:
        return _Said(error.status_code, "", str(error.message or ""))
    body = _error_body(error.response)
    code, message = str(body.get("code") or ""), str(body.get("message") or "")
    details = tuple(
        str(detail.get("code") or "")
        for detail in body.get("details") or ()
        if isinstance(detail, dict)
    )
    for more in (_innermost(body), *_told_in_details(body)):
        if more and more not in message:
            message = f"{message.rstrip(' :')}: {more}" if message else more
    return _Said(error.status_code, code, message or _short(error), details)


def _innermost(body: dict[str, Any]) -> str:
    """Log Analytics says what is wrong in the last of nested `innererror` objects."""
    message = ""
    while isinstance(body := body.get("innererror"), dict):  # type: ignore[assignment]
        message = str(body.get("message") or message)
    return message


def _told_in_details(body: dict[str, Any]) -> list[str]:
    """API Management says there what is wrong with a policy; of many the first few."""
    details = [detail for detail in body.get("details") or () if isinstance(detail, dict)]
    return [str(detail.get("message") or "") for detail in details[:MOST_DETAILS]]


def _error_body(response: Any) -> dict[str, Any]:
    """The `error` object of an answer, or the answer itself where it carries code and message."""
    try:
        body = json.loads(response.text())
    except Exception:  # no text, not read, cut, wrong encoding, no JSON: then there are no words
        return {}
    if not isinstance(body, dict):
        return {}
    inner = body.get("error", body)
    return inner if isinstance(inner, dict) else {}


def _short(error: HttpResponseError) -> str:
    reason = getattr(error.response, "reason", None) or ""
    return f"HTTP {error.status_code} {reason}".strip()


def _reason(error: Exception, said: _Said) -> CloudReason:
    if _no_token(error):
        return CloudReason.UNKNOWN
    if isinstance(error, Paused):
        throttled = error.pause.why is Why.THROTTLED
        return CloudReason.THROTTLED if throttled else CloudReason.TIMEOUT
    if isinstance(error, (*NO_WHOLE_ANSWER, OSError)):
        return CloudReason.TIMEOUT
    if isinstance(error, HttpResponseError):
        return reason_of(said.status, (said.code, *said.detail_codes))
    return CloudReason.UNKNOWN


def _no_token(error: Exception) -> bool:
    """Whether the identity gave no token: Azure itself was never asked.

    A refusal by Azure answers a request that carried a bearer token; a token request carries none.
    """
    if not isinstance(error, ClientAuthenticationError):
        return False
    request = getattr(error.response, "request", None)
    return request is None or "Authorization" not in request.headers


def _retry_after(error: Exception) -> timedelta | None:
    if isinstance(error, Paused):
        return timedelta(seconds=error.seconds)
    headers = getattr(getattr(error, "response", None), "headers", None)
    seconds = retry_after_seconds(headers) if headers else None
    return None if seconds is None else timedelta(seconds=seconds)


def _paused_words(error: Exception) -> str:
    """Why nothing was sent; "" where something was."""
    if not isinstance(error, Paused):
        return ""
    words = error.pause.endpoint.words
    if error.pause.why is Why.THROTTLED:
        return f"{words} asked the portal to wait"
    return f"{words} did not answer {error.pause.failures} calls in a row"


def _operation_failed(error: Exception) -> bool:
    """Azure took the write on, and now says that it failed or was cancelled (status 200)."""
    return isinstance(getattr(error, "inner_exception", None), OperationFailed)


def _maybe_applied(error: Exception, call: Call) -> bool:
    """In doubt is yes: then the caller reads back before it writes again."""
    if call is Call.READ or _operation_failed(error):
        return False
    if call is Call.POLL:
        # Asked at the address of `Location`, a write that failed answers as a refused one does.
        return getattr(error, "status_code", None) not in OPERATION_REFUSED
    if isinstance(error, ClientAuthenticationError | Paused):
        return False
    if isinstance(error, ServiceRequestError):
        return not _never_sent(error)
    if isinstance(error, HttpResponseError) and error.status_code is not None:
        refused = 300 <= error.status_code < 500 and error.status_code != 408
        return not refused  # a success whose body was cut or garbled has happened all the same
    return True


def _never_sent(error: ServiceRequestError) -> bool:
    """A refused, unreachable or untrusted server. A TLS connection that broke later is in doubt."""
    found = list(causes(error))
    return len(found) == 1 or any(isinstance(cause, NEVER_SENT) for cause in found)


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it was made of: inner, cause, context, reason, arguments."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, name, None) for name in ("inner_exception", "reason")]
        waiting += [one.__cause__, one.__context__, *one.args]
