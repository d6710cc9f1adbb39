"""Puts the planes together: finds the route, checks the token, turns errors into ARM's form."""

from __future__ import annotations

import logging
import re

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from simulator.answer_changes import changed_body
from simulator.arm import ARM_PLANE
from simulator.arm_throttle import throttle_headers
from simulator.control import CONTROL_PLANE
from simulator.front import Front
from simulator.identity import identity_plane
from simulator.login import login_plane
from simulator.logs import LOGS_PLANE
from simulator.metrics import METRICS_PLANE
from simulator.refusals import check_allowed
from simulator.state import State
from simulator.subscriptions import SUBSCRIPTIONS_PLANE
from simulator.tokens import Secrets, check_token
from simulator.unplayed import not_played
from simulator.upgrades import catch_up
from simulator.web import ArmError, Call, Plane, Route, error_response
from simulator.wire_headers import stamp
from simulator.writes import settle

HTTPS_PLANES = (SUBSCRIPTIONS_PLANE, ARM_PLANE, METRICS_PLANE, LOGS_PLANE, CONTROL_PLANE)
_REGIONAL_HOST = re.compile(r"([a-z0-9]+)\.metrics\.monitor\.azure\.(?:com|us|cn)(?::\d+)?")
_HEADERS = "simulator.headers"
_log = logging.getLogger("simulator")


class Dispatcher:
    """Routes of several planes, first match wins."""

    def __init__(self, state: State, planes: tuple[Plane, ...], signing_key: str) -> None:
        self._state, self._signing_key = state, signing_key
        self._is_https = ARM_PLANE in planes
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
        response.headers.update(request.scope.get(_HEADERS, {}))
        stamp(response, request)
        await response(scope, receive, send)

    def plane_of(self, scope: Scope) -> str | None:
        """The name of the plane a request is for, whatever its method; None when it is for none."""
        found = self._matches(Request(scope))
        return found[0][1].name if found else None

    async def _answer(self, request: Request) -> Response:
        matches = self._matches(request)
        methods = sorted({route.method for route, _plane, _path in matches})
        if request.method == "OPTIONS" and matches:
            return Response(status_code=204, headers={"Allow": ", ".join([*methods, "OPTIONS"])})
        # A HEAD is a GET of which uvicorn leaves the body out.
        wanted = "GET" if request.method == "HEAD" else request.method
        for route, plane, path in matches:
            if route.method == wanted:
                return await self._call(request, route, plane, path)
        raise not_played(request, methods, self._check_for_unplayed)

    async def _call(
        self, request: Request, route: Route, plane: Plane, path: dict[str, str]
    ) -> Response:
        call = Call(self._state, request, path, await request.body())
        if plane.audiences:
            self._authorise(call, plane)
        if plane.needs_api_version and not call.query("api-version"):
            raise ArmError(
                400, "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests.",
            )  # fmt: skip
        settle(self._state)
        if plane.audiences:
            catch_up(self._state)
        answer = await route.handler(call)
        if self._state.knobs.unknown_fields and plane.audiences:
            answer.body = changed_body(bytes(answer.body), {"unknown_fields": True})
            answer.headers["content-length"] = str(len(answer.body))
        return answer

    def _authorise(self, call: Call, plane: Plane) -> None:
        """Raises ArmError 401, 429 or 403, in this order."""
        claims = check_token(
            self._signing_key,
            call.request.headers.get("authorization"),
            plane.audiences,
            valid_from=self._state.knobs.tokens_valid_from,
        )
        if plane.throttled:
            subscription = call.path.get("subscription")
            self._throttle(call.request, subscription, str(claims.get("oid", "")))
        check_allowed(call, claims)

    def _throttle(self, request: Request, subscription: str | None, principal: str) -> None:
        """Raises ArmError 429; the answer, whichever it will be, tells what is left."""
        headers, refusal = throttle_headers(self._state, request.method, subscription, principal)
        request.scope[_HEADERS] = headers
        if refusal is not None:
            raise refusal

    def _check_for_unplayed(self, authorization: str | None) -> None:
        """A path that nobody plays on the listener of ARM is taken for ARM's."""
        if self._is_https:
            check_token(self._signing_key, authorization, ARM_PLANE.audiences)

    def _matches(self, request: Request) -> list[tuple[Route, Plane, dict[str, str]]]:
        path = played_path(request.headers.get("host", ""), request.url.path)
        found = ((regex.fullmatch(path), route, plane) for regex, route, plane in self._routes)
        return [(route, plane, match.groupdict()) for match, route, plane in found if match]


def played_path(host: str, path: str) -> str:
    """The path as routes know it: single slashes, none at the end.

    A regional metrics host (a client that comes through the proxy keeps Azure's own names) stands
    for the prefix ``/metrics/{region}``.
    """
    regional = _REGIONAL_HOST.fullmatch(host.lower())
    prefix = f"/metrics/{regional[1]}" if regional else ""
    return re.sub("/{2,}", "/", prefix + path).rstrip("/") or "/"


def https_app(state: State, keys: Secrets) -> ASGIApp:
    """ARM, Monitor, sign-in and the control API."""
    planes = (*HTTPS_PLANES, login_plane(keys, audiences_of(HTTPS_PLANES)))
    dispatcher = Dispatcher(state, planes, keys.signing_key)
    return Front(dispatcher, state, dispatcher.plane_of)


def audiences_of(planes: tuple[Plane, ...]) -> set[str]:
    """Everything a token can be for, without a slash at the end."""
    return {audience.rstrip("/") for plane in planes for audience in plane.audiences}


def token_app(state: State, keys: Secrets) -> ASGIApp:
    """The managed-identity endpoint."""
    dispatcher = Dispatcher(state, (identity_plane(keys),), keys.signing_key)
    return Front(dispatcher, state, dispatcher.plane_of)
