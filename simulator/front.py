"""The front door of both listeners: logs each request, plays planned faults, aborts connections.

A dropped connection is a real one: the transport is torn down without an answer, either before the
request is carried out or after.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.clock import iso
from simulator.faults import Fault
from simulator.state import State
from simulator.web import json_response

CONTROL_PREFIX = "/_sim"
_TRANSPORT = "simulator.transport"
_LOGGED_BYTES = 20_000


class AbortableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands the transport to the application."""

    def on_message_begin(self) -> None:
        """Called for each request of a connection."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[literal-required]


class Front:
    """Wraps the application of a listener."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app, self._state = app, state

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
        fault = self._state.faults.take(f"{scope['method']} {target}")
        await self._play(fault, scope, _replay(body, receive), _noting_status(send, entry))

    async def _play(self, fault: Fault | None, scope: Scope, receive: Receive, send: Send) -> None:
        if fault is None:
            await self._app(scope, receive, send)
            return
        if fault.delay_seconds:
            await asyncio.sleep(fault.delay_seconds)
        if fault.drop == "after":
            await self._app(scope, receive, _swallow)
        if fault.drop is not None:
            await _abort(scope, receive)
        elif fault.status is not None:
            await _planned_answer(fault)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _planned_answer(fault: Fault) -> Any:
    if fault.body is None:
        content: Any = {"error": {"code": "SimulatedFault", "message": "A planned fault."}}
    else:
        content = fault.body
    answer = json_response(content, fault.status or 500)
    if isinstance(content, str):
        answer.body = content.encode()
        answer.headers["content-length"] = str(len(answer.body))
        answer.headers["content-type"] = "text/html"
    for name, value in fault.headers.items():
        answer.headers[name] = str(value)
    return answer


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


async def _swallow(_message: Message) -> None:
    """The answer that never leaves."""


async def _abort(scope: Scope, receive: Receive) -> None:
    transport = scope.get(_TRANSPORT)
    if transport is None:
        raise RuntimeError("This listener hands no transport over, so nothing can be dropped.")
    transport.abort()
    # Until uvicorn knows that the connection is gone it would send a 500 for the missing answer.
    while (await receive())["type"] != "http.disconnect":
        pass
