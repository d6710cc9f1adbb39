"""Puts the planes together: finds the route, checks the token, turns errors into ARM's form."""

from __future__ import annotations

import logging
import re
import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator.arm import ARM_PLANE
from simulator.control import CONTROL_PLANE
from simulator.front import Front
from simulator.identity import Secrets, check_token, identity_plane
from simulator.metrics import METRICS_PLANE
from simulator.state import State
from simulator.web import ArmError, Call, Plane, Route, error_response

HTTPS_PLANES = (ARM_PLANE, METRICS_PLANE, CONTROL_PLANE)
_log = logging.getLogger("simulator")


class Dispatcher:
    """Routes of several planes, first match wins."""

    def __init__(self, state: State, planes: tuple[Plane, ...], signing_key: str) -> None:
        self._state, self._signing_key = state, signing_key
        self._routes: list[tuple[re.Pattern[str], Route, Plane]] = [
            (route.regex, route, plane) for plane in planes for route in plane.routes
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        request = Request(scope, receive)
        try:
            response = await self._answer(request)
        except ArmError as error:
            response = error_response(error)
        except Exception:
            _log.exception("%s %s failed", request.method, request.url.path)
            message = "The simulator itself failed; its log says why."
            response = error_response(ArmError(500, "InternalServerError", message))
        response.headers["x-ms-request-id"] = str(uuid.uuid4())
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        route, plane, path = self._find(request.method, request.url.path)
        if plane.audiences:
            authorization = request.headers.get("authorization")
            check_token(self._signing_key, authorization, plane.audiences)
        call = Call(self._state, request, path, await request.body())
        if plane.needs_api_version and not call.query("api-version"):
            raise ArmError(
                400, "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )  # fmt: skip
        return await route.handler(call)

    def _find(self, method: str, path: str) -> tuple[Route, Plane, dict[str, str]]:
        trimmed = path.rstrip("/") or "/"
        other_method = False
        for regex, route, plane in self._routes:
            match = regex.fullmatch(trimmed)
            if match and route.method == method:
                return route, plane, match.groupdict()
            other_method = other_method or match is not None
        if other_method:
            message = f"The simulator does not play {method} on this path."
            raise ArmError(405, "MethodNotAllowed", message)
        raise ArmError(404, "NotFound", f"The simulator does not play the path '{path}'.")


def https_app(state: State, keys: Secrets) -> ASGIApp:
    """ARM, Monitor and the control API."""
    dispatcher = Dispatcher(state, HTTPS_PLANES, keys.signing_key)
    return Front(dispatcher, state)


def token_app(state: State, keys: Secrets) -> ASGIApp:
    """The managed-identity endpoint."""
    return Front(Dispatcher(state, (identity_plane(keys),), keys.signing_key), state)
