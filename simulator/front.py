"""The front door of both listeners: logs each request, gzips answers, lets planned faults in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.clock import iso
from simulator.fault_play import play
from simulator.state import State
from simulator.wire_headers import http_date

CONTROL_PREFIX = "/_sim"
LOGGED_HEADERS = (
    "host", "user-agent", "content-type", "accept-encoding", "if-match", "if-none-match",
    "prefer", "expect", "x-ms-client-request-id", "x-ms-correlation-request-id",
)  # fmt: skip
"""What the log keeps of a request's headers; never the token."""
_LOGGED_BYTES = 20_000
_GZIP_FROM_BYTES = {"auto": 1000, "always": 1}
_GZIP_LEVEL = 1  # compressing harder takes longer than computing the answer


class Front:
    """Wraps the application of a listener; ``plane_of`` names the plane of a request."""

    def __init__(self, app: ASGIApp, state: State, plane_of: Callable[[Scope], str | None]) -> None:
        self._app, self._state, self._plane_of = app, state, plane_of
        self._compressing = {
            name: GZipMiddleware(app, least, _GZIP_LEVEL)
            for name, least in _GZIP_FROM_BYTES.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        dated = _dating(send, self._state)
        if scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, dated)
            return
        body, headers = await _read_body(receive), Headers(scope=scope)
        query = scope["query_string"].decode("latin-1")
        target = scope["path"] + (f"?{query}" if query else "")
        fault = self._state.faults.take(f"{scope['method']} {target}", headers, body)
        entry = self._state.log.add(
            at=iso(self._state.clock.now()),
            plane=self._plane_of(scope),
            method=scope["method"],
            path=target,
            status=None,
            body=_readable(body),
            headers={name: headers[name] for name in LOGGED_HEADERS if name in headers},
            fault=None if fault is None else fault.match,
            seconds=None,
            sent_bytes=0,
        )
        app = self._app_for(headers.get("accept-encoding", ""))
        again, noting = _replay(body, receive), _noting(dated, entry)
        if fault is None:
            await app(scope, again, noting)
        else:
            await play(fault, (app, self._app), scope, again, noting)

    def _app_for(self, accepted: str) -> ASGIApp:
        """The application, gzipping when the client and the knob agree."""
        wanted = self._state.knobs.gzip if _takes_gzip(accepted) else "never"
        return self._compressing.get(wanted, self._app)


def _takes_gzip(accepted: str) -> bool:
    """``gzip``, unless with a weight of nought."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "").rstrip("0.") != "q="
    return False


async def _read_body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(chunks)
        chunks.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(chunks)


def _replay(body: bytes, receive: Receive) -> Receive:
    """The body once more, then whatever comes on the connection."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Message:
        return waiting.pop() if waiting else await receive()

    return replayed


def _readable(body: bytes) -> Any:
    """JSON where it is JSON, else the beginning as text; null when there is none."""
    if not body:
        return None
    if len(body) > _LOGGED_BYTES:
        return body[:_LOGGED_BYTES].decode("utf-8", "replace")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.decode("utf-8", "replace")


def _noting(send: Send, entry: dict[str, Any]) -> Send:
    """Fills in what became of the request, as the answer goes out."""
    began = time.monotonic()

    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry["status"] = message["status"]
            entry["request_id"] = Headers(raw=message["headers"]).get("x-ms-request-id")
        else:
            entry["sent_bytes"] += len(message.get("body", b""))
            entry["seconds"] = round(time.monotonic() - began, 6)
        await send(message)

    return noting


def _dating(send: Send, state: State) -> Send:
    async def dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            date = http_date(state.knobs.date_offset_seconds)
            message = {**message, "headers": [*message["headers"], (b"date", date)]}
        await send(message)

    return dated
