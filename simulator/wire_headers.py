"""The headers every answer of Azure carries, whatever the call: ids, caching, transport security.

Names and values as azure-cli's debug output shows them for management.azure.com. The region in the
routing id is ours.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response

_ALWAYS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "X-Content-Type-Options": "nosniff",
}
_TRANSPORT_SECURITY = "max-age=31536000; includeSubDomains"
_ROUTING_REGION = "SIMULATEDEAST"


def stamp(response: Response, request: Request) -> None:
    """Put them on ``response``; what a handler has set stays."""
    headers = response.headers
    correlation = request.headers.get("x-ms-correlation-request-id") or str(uuid.uuid4())
    now = datetime.now(UTC)
    stamps = {
        **_ALWAYS,
        "x-ms-request-id": str(uuid.uuid4()),
        "x-ms-correlation-request-id": correlation,
        "x-ms-routing-request-id": f"{_ROUTING_REGION}:{now:%Y%m%dT%H%M%SZ}:{correlation}",
    }
    if request.url.scheme == "https":
        stamps["Strict-Transport-Security"] = _TRANSPORT_SECURITY
    client_id = request.headers.get("x-ms-client-request-id")
    if client_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
        stamps["x-ms-client-request-id"] = client_id
    for name, value in stamps.items():
        headers.setdefault(name, value)


def http_date(offset_seconds: float = 0.0) -> bytes:
    """The Date header: the machine's time, off by so much."""
    return formatdate(time.time() + offset_seconds, usegmt=True).encode()
