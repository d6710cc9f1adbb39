"""What the portal adds to the SDKs' chain: our request ids, the gate of a paused endpoint, a meter.

Order matters: the gate stands before the repeats (a paused endpoint is asked nothing, not even for
a token), the meter behind everything, so that it sees each attempt as it went over the wire.
"""

import logging
import re
import time
from http.client import HTTPException
from typing import Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, ResponseNotReadError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy, RequestIdPolicy
from urllib3.exceptions import HTTPError

from portal.cloud import calls, pauses
from portal.cloud.calls import Kind
from portal.cloud.endpoints import Endpoint, Plane
from portal.cloud.retry import LONGEST_SLEEP_SECONDS, retry_after_seconds
from portal.kernel.clock import real_now
from portal.kernel.job import current_job

log = logging.getLogger(__name__)

REQUEST_ID = "x-ms-client-request-id"
ASKS_TO_WAIT = (429, 503)
_SUBSCRIPTION = re.compile(r"/subscriptions/([^/?]+)", re.IGNORECASE)


class Paused(AzureError):  # type: ignore[misc]
    """The endpoint is left alone for now: nothing was sent."""

    def __init__(self, pause: pauses.Pause, seconds: float) -> None:
        super().__init__(f"{pause.endpoint.words} is paused for {seconds:.0f} s")
        self.pause, self.seconds = pause, seconds


class OurRequestId(RequestIdPolicy):  # type: ignore[misc]
    """The id of the call, else of the job that makes it, else a new one."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        job = current_job()
        if job:
            request.context.options.setdefault("request_id", job)
        super().on_request(request)


class Gate(HTTPPolicy[Any, Any]):
    """Sends nothing to a paused endpoint, and tells the others how a call ended."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__()
        self._endpoint = endpoint

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        """Raises Paused. A call that found no token says nothing about the endpoint."""
        subscription = _subscription_of(request)
        at = real_now()
        pause = pauses.pause_before(self._endpoint, subscription, at=at.timestamp())
        if pause:
            calls.count(self._endpoint.plane, Kind.HELD, at=at)
            raise Paused(pause, max(1.0, pause.until - at.timestamp()))
        try:
            response = self.next.send(request)
        except ClientAuthenticationError:
            raise
        except AzureError:
            pauses.note_failure(self._endpoint, at=real_now().timestamp())
            raise
        self._note(response, subscription)
        return response

    def _note(self, response: PipelineResponse[Any, Any], subscription: str) -> None:
        at, answer = real_now().timestamp(), response.http_response
        asked = retry_after_seconds(answer.headers) or 0.0
        if answer.status_code in ASKS_TO_WAIT and asked > LONGEST_SLEEP_SECONDS:
            pauses.note_wait(self._endpoint, subscription, asked, at=at)
        if answer.status_code >= 500 or answer.status_code == 408:
            pauses.note_failure(self._endpoint, at=at)
        else:
            pauses.note_answer(self._endpoint)


class Meter(HTTPPolicy[Any, Any]):
    """Counts each attempt; what went wrong is a line with both ids, ours and Azure's."""

    def __init__(self, plane: Plane) -> None:
        super().__init__()
        self._plane = plane

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        began = time.monotonic()
        try:
            response = self.next.send(request)
        except (AzureError, HTTPError, HTTPException, OSError) as error:
            seconds = time.monotonic() - began
            calls.count(self._plane, Kind.TIMEOUT, at=real_now(), seconds=seconds)
            _log(request, type(error).__name__, seconds)
            raise
        answer, seconds = response.http_response, time.monotonic() - began
        kind = calls.kind_of(answer.status_code)
        calls.count(self._plane, kind, at=real_now(), seconds=seconds, received=_received(answer))
        if kind is not Kind.OK:
            _log(request, str(answer.status_code), seconds, answer.headers)
        return response


def _log(request: PipelineRequest[Any], ended: str, seconds: float, headers: Any = None) -> None:
    """Without the query: the addresses of running operations carry signatures there."""
    sent = request.http_request
    log.warning(
        "%s %s: %s after %.1f s (our request id %s, Azure's %s)",
        sent.method,
        sent.url.partition("?")[0],
        ended,
        seconds,
        sent.headers.get(REQUEST_ID, "-"),
        (headers or {}).get("x-ms-request-id", "-"),
    )


def _received(answer: Any) -> int:
    """Bytes of the body, unpacked; as announced where the SDK reads it later (after a write)."""
    try:
        return len(answer.content)
    except ResponseNotReadError:
        return int(answer.headers.get("Content-Length") or 0)


def _subscription_of(request: PipelineRequest[Any]) -> str:
    found = _SUBSCRIPTION.search(request.http_request.url)
    return found.group(1).lower() if found else ""
