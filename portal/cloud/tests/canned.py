"""Canned answers behind the SDKs' real transport: no sockets, no sleeping, all requests kept.

It answers below `requests`, so everything above it (policies, error mapping of the transport, the
generated clients) is the code that runs against Azure.
"""

import io
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import requests
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions
from azure.core.pipeline.transport import RequestsTransport
from azure.mgmt.cognitiveservices import CognitiveServicesManagementClient
from azure.monitor.query import LogsQueryClient
from azure.monitor.querymetrics import MetricsClient
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from portal.cloud.clients import build_arm_client, build_logs_client, build_metrics_client

SUBSCRIPTION = "11111111-2222-3333-4444-555555555555"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai/providers"
    "/Microsoft.CognitiveServices/accounts/acme-eus"
)
CHAT = f"{ACCOUNT}/deployments/chat"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer: JSON unless `body` is text or bytes; `cut_bytes` are promised, not sent."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    cut_bytes: int = 0


def error(status: int, code: str, message: str = "No.", **headers: str) -> Answer:
    """Azure's error envelope; header names are written with underscores."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"error": {"code": code, "message": message}}, named)


def deployment(capacity: int = 30, state: str = "Succeeded") -> dict[str, Any]:
    """A deployment as Azure lists it."""
    return {
        "id": CHAT,
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "name": "chat",
        "sku": {"name": "GlobalStandard", "capacity": capacity},
        "etag": '"e1"',
        "systemData": {"createdAt": "2026-01-02T03:04:05.678Z"},
        "properties": {
            "model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"},
            "provisioningState": state,
            "currentCapacity": capacity,
            "rateLimits": [
                {"key": "request", "renewalPeriod": 10, "count": capacity},
                {"key": "token", "renewalPeriod": 60, "count": capacity * 1000},
            ],
        },
    }


class Canned(BaseAdapter):
    """Gives the answers in order, the last one for ever. An exception is raised instead."""

    def __init__(self, *answers: Answer | Exception) -> None:
        super().__init__()
        self.answers = list(answers)
        self.requests: list[requests.PreparedRequest] = []
        self.slept: list[float] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return _response(request, answer)

    def close(self) -> None:
        """Nothing is open."""

    @property
    def sent(self) -> list[str]:
        return [f"{sent.method} {(sent.url or '').split('?')[0]}" for sent in self.requests]

    def arm(self) -> CognitiveServicesManagementClient:
        return build_arm_client(
            AnyToken(), "https://arm.invalid", SUBSCRIPTION, transport=_transport(self)
        )

    def metrics(self) -> MetricsClient:
        return build_metrics_client(
            AnyToken(), "https://metrics.invalid", transport=_transport(self)
        )

    def logs(self) -> LogsQueryClient:
        return build_logs_client(AnyToken(), "https://logs.invalid", transport=_transport(self))


class AnyToken:
    """A credential that always has a token; `claims` are those it was asked for."""

    def __init__(self) -> None:
        self.claims: list[str | None] = []

    def get_token(self, *_: str, **__: Any) -> Any:
        raise NotImplementedError

    def get_token_info(
        self, *_: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        self.claims.append((options or {}).get("claims"))
        return AccessTokenInfo("a-token", int(time.time()) + 3600)


def _transport(canned: Canned) -> RequestsTransport:
    session = requests.Session()
    session.mount("https://", canned)
    transport = RequestsTransport(session=session, session_owner=False)
    transport.sleep = canned.slept.append
    return transport


def _response(request: requests.PreparedRequest, answer: Answer) -> requests.Response:
    content = _content(answer.body)
    kind = "text/html" if isinstance(answer.body, str) else "application/json"
    headers = {
        "Content-Type": kind,
        "Content-Length": str(len(content) + answer.cut_bytes),
        **answer.headers,
    }
    response = requests.Response()
    response.status_code = answer.status
    response.request = request
    response.url = request.url or ""
    response.headers.update(headers)
    response.raw = HTTPResponse(
        body=io.BytesIO(content), headers=headers, status=answer.status, preload_content=False
    )
    return response


def _content(body: Any) -> bytes:
    if body is None:
        return b""
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def listed(items: Iterable[Any]) -> Answer:
    return Answer(200, {"value": list(items)})
