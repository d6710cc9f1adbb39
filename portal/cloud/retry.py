"""When a call to Azure is made again: reads, a few times, with short sleeps; writes never.

The SDK's own policy obeys any `Retry-After` (an hour in a worker, four times over), repeats
whatever carries that header, even a 409, and repeats a PATCH after a 503. Here a worker never
sleeps longer than 20 seconds in one go: a longer wait goes back to the caller, who reschedules. A
write is sent once: whether it was carried out is found out by reading back.
"""

import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import BearerTokenCredentialPolicy, HTTPPolicy

LONGEST_SLEEP_SECONDS = 20.0
ATTEMPTS = 4
# No new attempt is begun after this: two read timeouts of 60 s, not four.
PATIENCE_SECONDS = 90.0
FIRST_PAUSE_SECONDS = 0.8

READ_METHODS = ("GET", "HEAD", "OPTIONS")
TEMPORARY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """What the answer asks us to wait: Retry-After in seconds or as a date, or a header in ms.

    None when it asks for nothing, for nought, or in words that mean no number.
    """
    for name in ("retry-after-ms", "x-ms-retry-after-ms"):
        milliseconds = _positive(headers.get(name))
        if milliseconds:
            return milliseconds / 1000
    text = headers.get("Retry-After")
    return _positive(text) or _seconds_until(text)


def _positive(text: str | None) -> float | None:
    try:
        number = float(text or 0)
    except ValueError:
        return None
    return number if 0 < number < float("inf") else None


def _seconds_until(text: str | None) -> float | None:
    try:
        seconds = parsedate_to_datetime(text or "").timestamp() - time.time()
    except (TypeError, ValueError):
        return None
    return seconds if seconds > 0 else None


class PatientRetry(HTTPPolicy[Any, Any]):
    """Repeats reads on 408, 429, 5xx and broken connections, with jitter; leaves all else alone.

    A POST that only reads is repeated when the call says `retry_on_methods=["POST"]`; a call may
    name other `temporary_statuses`.
    """

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        methods = request.context.options.pop("retry_on_methods", READ_METHODS)
        temporary = request.context.options.pop("temporary_statuses", TEMPORARY_STATUSES)
        if request.http_request.method.upper() not in methods:
            return self.next.send(request)
        return self._send_patiently(request, temporary)

    def _send_patiently(
        self, request: PipelineRequest[Any], temporary: frozenset[int]
    ) -> PipelineResponse[Any, Any]:
        transport: Any = request.context.transport
        deadline = time.monotonic() + PATIENCE_SECONDS
        for attempt in range(1, ATTEMPTS):
            try:
                response = self.next.send(request)
            except ClientAuthenticationError:
                raise  # no token: asking the same endpoint at once again helps nobody
            except AzureError:
                if time.monotonic() > deadline:
                    raise
                pause = _backoff_seconds(attempt)
            else:
                asked = _pause_after(response, attempt, temporary)
                if asked is None or time.monotonic() > deadline:
                    return response
                pause = asked
            transport.sleep(pause)
        return self.next.send(request)


def _pause_after(
    response: PipelineResponse[Any, Any], attempt: int, temporary: frozenset[int]
) -> float | None:
    """Seconds to wait before asking again; None when the answer stands."""
    if response.http_response.status_code not in temporary:
        return None
    asked = retry_after_seconds(response.http_response.headers)
    if asked is None:
        return _backoff_seconds(attempt)
    if asked > LONGEST_SLEEP_SECONDS:
        return None
    return min(LONGEST_SLEEP_SECONDS, asked + _jitter(0, 0.1 * asked))


def _backoff_seconds(attempt: int) -> float:
    longest = FIRST_PAUSE_SECONDS * 2 ** (attempt - 1)
    return _jitter(longest / 2, longest)


def _jitter(least: float, most: float) -> float:
    return random.uniform(least, most)  # noqa: S311  spreads callers out, guards nothing


class OneSendBearer(BearerTokenCredentialPolicy[Any, Any]):
    """The bearer token; a write answered with a claims challenge is not sent a second time.

    Reads answer the challenge and keep the new token; every write is preceded by a read.
    """

    def on_challenge(
        self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]
    ) -> bool:
        if request.http_request.method.upper() in ("PUT", "PATCH", "DELETE"):
            return False
        return super().on_challenge(request, response)
