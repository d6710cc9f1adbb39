"""What every plane is made of: routes, the call a handler gets, and answers in Azure's forms.

A plane is one file that exports a :class:`Plane`; :mod:`simulator.app` lists them.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from simulator.state import State


class ArmError(Exception):
    """An error in ARM's envelope ``{"error": {"code", "message"}}``.

    ``more`` adds to the inner object: ``target``, ``details``, ``additionalInfo``.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: dict[str, str] | None = None,
        more: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers
        self.more = more or {}


@dataclass(frozen=True)
class Call:
    """One request with what its path named. ``body`` is the raw body."""

    state: State
    request: Request
    path: dict[str, str]
    body: bytes

    def query(self, name: str) -> str | None:
        """A query parameter, its name compared without case as Azure does."""
        for key, value in self.request.query_params.items():
            if key.lower() == name.lower():
                return value
        return None

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises ArmError 400 when it is none."""
        try:
            parsed = orjson.loads(self.body or b"{}")
        except orjson.JSONDecodeError as problem:
            raise ArmError(
                400, "InvalidRequestContent",
                f"The request content was invalid and could not be deserialized: '{problem}'.",
            ) from None  # fmt: skip
        if not isinstance(parsed, dict):
            raise ArmError(
                400, "InvalidRequestContent", "The request content was not a JSON object."
            )
        return parsed

    @property
    def origin(self) -> str:
        """Scheme and host as the client sees them, for absolute links."""
        return f"{self.request.url.scheme}://{self.request.headers.get('host', '')}"


Handler = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True)
class Route:
    """``pattern`` is a path with ``{names}``; paths are compared without case."""

    method: str
    pattern: str
    handler: Handler

    @property
    def regex(self) -> re.Pattern[str]:
        """The whole path, a name standing for one segment."""
        parts = re.split(r"\{(\w+)\}", self.pattern)
        text = "".join(
            f"(?P<{part}>[^/]+)" if index % 2 else re.escape(part)
            for index, part in enumerate(parts)
        )
        return re.compile(text, re.IGNORECASE)


@dataclass(frozen=True)
class Plane:
    """A group of routes. ``audiences``: tokens must be for one of them; empty means no token.

    ``needs_api_version``: as ARM and Monitor do, refuse a call without one; any value will do.
    ``throttled``: its calls come out of ARM's token buckets.
    """

    name: str
    routes: tuple[Route, ...]
    audiences: tuple[str, ...] = ()
    needs_api_version: bool = False
    throttled: bool = False


def json_response(
    content: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """JSON as Azure sends it."""
    body = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(body, status, headers, media_type="application/json; charset=utf-8")


def error_response(error: ArmError) -> Response:
    """The envelope every Azure SDK reads; never HTML."""
    content = {"error": {"code": error.code, "message": error.message, **error.more}}
    return json_response(content, error.status, error.headers)
