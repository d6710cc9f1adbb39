"""The front door of both listeners: logs each request, gzips answers, lets planned faults in."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from simulator.clock import iso
from simulator.fault_play import play
from simulator.state import State

CONTROL_PREFIX = "/_sim"
_LOGGED_BYTES = 20_000
_GZIP_FROM_BYTES = {"auto": 1000, "always": 1}
_GZIP_LEVEL = 1  # compressing harder takes longer than computing the answer


class Front:
    """Wraps the application of a listener."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state
        self._compressing = {
            name: GZipMiddleware(app, least, _GZIP_LEVEL)
            for name, least in _GZIP_FROM_BYTES.items()
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] != "http" or scope["path"].startswith(CONTROL_PREFIX):
            await self._app(scope, receive, send)
            return
        body = await _read_body(receive)
        query = scope["query_string"].decode("latin-1")
        target = scope["path"] + (f"?{query}" if query else "")
        entry = self._state.log.add(
            at=iso(self._state.clock.now()),
            method=scope["method"],
            path=target,
            status=None,
            body=_readable(body),
        )
        headers = Headers(scope=scope)
        app = self._app_for(headers.get("accept-encoding", ""))
        again, noting = _replay(body, receive), _noting_status(send, entry)
        fault = self._state.faults.take(f"{scope['method']} {target}", headers, body)
        if fault is None:
            await app(scope, again, noting)
        else:
            await play(fault, (app, self._app), scope, again, noting)

    def _app_for(self, accepted: str) -> ASGIApp:
        return self._compressing.get(
            self._state.knobs.gzip if _takes_gzip(accepted) else "never", self._app
        )


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


def _noting_status(send: Send, entry: dict[str, Any]) -> Send:
    async def noting(message: Message) -> None:
        if message["type"] == "http.response.start":
            entry["status"] = message["status"]
        await send(message)

    return noting
