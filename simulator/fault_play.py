"""Plays a fault: the planned or the changed answer, or a connection torn down for real.

A dropped connection is a real one: the transport is aborted, without TLS's goodbye, before the
request is carried out, in the middle of the answer's body, or after it has been carried out.
"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from simulator.answer_changes import changed_body
from simulator.faults import Fault
from simulator.web import json_response

_TRANSPORT = "simulator.transport"
_DEFAULT_BODY = {"error": {"code": "SimulatedFault", "message": "A planned fault."}}


class AbortableProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which also hands the transport to the application."""

    def on_message_begin(self) -> None:
        """Called for each request of a connection."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[literal-required]


async def play(
    fault: Fault, apps: tuple[ASGIApp, ASGIApp], scope: Scope, receive: Receive, send: Send
) -> None:
    """``apps``: the one that answers as the client accepts it, and the one that never gzips."""
    compressing, plain = apps
    if fault.delay_seconds:
        await asyncio.sleep(fault.delay_seconds)
    if fault.drop == "before":
        await _abort(scope, receive)
        return
    if fault.status is not None and fault.drop != "after":
        answer = _planned(fault)
    else:
        # A body that is to be changed must be readable.
        answer = await _collected(plain if fault.change else compressing, scope, receive)
        if fault.change:
            answer.body = changed_body(answer.body, fault.change)
    if fault.drop == "after":
        await _abort(scope, receive)
        return
    await _send(answer, fault, scope, receive, send)


@dataclass
class _Answer:
    status: int = 500
    headers: MutableHeaders = field(default_factory=MutableHeaders)
    body: bytes = b""


async def _collected(app: ASGIApp, scope: Scope, receive: Receive) -> _Answer:
    answer = _Answer()

    async def collect(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = MutableHeaders(raw=list(message["headers"]))
        else:
            answer.body += message.get("body", b"")

    await app(scope, receive, collect)
    return answer


async def _send(answer: _Answer, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    headers, is_cut = answer.headers, fault.drop == "mid"
    headers["content-length"] = str(len(answer.body))
    for name, value in fault.headers.items():
        headers[name] = str(value)
    if fault.chunked:
        del headers["content-length"]  # then uvicorn sends chunks
    start = {"type": "http.response.start", "status": answer.status, "headers": headers.raw}
    await send(start)
    body = answer.body[: len(answer.body) // 2] if is_cut else answer.body
    await send({"type": "http.response.body", "body": body, "more_body": is_cut})
    if is_cut:
        await _abort(scope, receive)


def _planned(fault: Fault) -> _Answer:
    """JSON for objects and lists; a text goes out as it is, as the HTML page of a proxy would."""
    content: Any = _DEFAULT_BODY if fault.body is None else fault.body
    if fault.body_base64 is not None:
        body, content_type = base64.b64decode(fault.body_base64), "application/octet-stream"
    elif isinstance(content, str):
        body, content_type = content.encode(), "text/html"
    else:
        response = json_response(content)
        body, content_type = bytes(response.body), response.headers["content-type"]
    headers = MutableHeaders({"content-type": fault.content_type or content_type})
    return _Answer(fault.status or 500, headers, body)


async def _abort(scope: Scope, receive: Receive) -> None:
    transport = scope.get(_TRANSPORT)
    if transport is None:
        raise RuntimeError("This listener hands no transport over, so nothing can be dropped.")
    transport.abort()
    # Until uvicorn knows that the connection is gone it would send a 500 for the missing answer.
    while (await receive())["type"] != "http.disconnect":
        pass
