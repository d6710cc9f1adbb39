"""The Log Analytics plane: what API Management gateways wrote about their callers.

``POST /v1/workspaces/{id}/query`` and, for the same queries, the form by resource id and
``/v1/$batch``. Answers are summed up as the recognised query asks; see :mod:`simulator.logs_query`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from simulator.gateways import Gateway
from simulator.logs_answer import COLUMNS, caller_rows
from simulator.logs_query import LogsQuery, read_query, refusal
from simulator.state import State
from simulator.throttling import Rate
from simulator.web import ArmError, Call, Plane, Route, json_response

_AUDIENCES = ("https://api.loganalytics.io", "https://api.loganalytics.io/")
_ACTION = "Microsoft.OperationalInsights/workspaces/query/read"
_SECONDS = 30


async def _query_workspace(call: Call) -> Response:
    return await _answered(call.state, call.path["workspace"], call.json(), _preferred(call))


async def _query_resource(call: Call) -> Response:
    resource = call.request.url.path[len("/v1") : -len("/query")]
    return await _answered(call.state, resource, call.json(), _preferred(call))


async def _batch(call: Call) -> Response:
    """Each query has its own status; they come back in any order, here in that of the request."""
    requests = call.json().get("requests")
    if not isinstance(requests, list) or not all(isinstance(each, dict) for each in requests):
        raise refusal("BadArgumentError", "The batch is wrong.", "BadBatch", "requests: a list")
    answers = []
    for each in requests:
        body, workspace = each.get("body") or {}, str(each.get("workspace", ""))
        prefer = str((each.get("headers") or {}).get("Prefer", ""))
        try:
            answer = await _answered(call.state, workspace, body, prefer)
            status, content = answer.status_code, orjson.loads(answer.body)
        except ArmError as error:
            inner = {"code": error.code, "message": error.message, **error.more}
            status, content = error.status, {"error": inner}
        answers.append({"id": each.get("id"), "status": status, "body": content})
    return json_response({"responses": answers})


def _preferred(call: Call) -> str:
    return str(call.request.headers.get("prefer", ""))


async def _answered(state: State, place: str, body: dict[str, Any], prefer: str) -> Response:
    """One query over ``place``, a workspace id or a resource id, and its further workspaces."""
    _check_rate(state)
    _check_access(state)
    places = [place, *(body.get("workspaces") or [])]
    gateways = [gateway for each in places for gateway in _gateways_of(state, str(each))]
    query = read_query(body, state.clock.now())
    longest = state.knobs.logs_longest_minutes
    if longest and query.window_minutes > longest:
        raise ArmError(504, "GatewayTimeout", "The query took longer than the server waits for it.")
    return await run_in_threadpool(_tables, state, gateways, query, prefer)


def _tables(state: State, gateways: Iterable[Gateway], query: LogsQuery, prefer: str) -> Response:
    rows = [row for gateway in gateways for row in caller_rows(state, gateway, query.minutes)]
    most = state.knobs.logs_most_rows
    columns = [{"name": name, "type": kind} for name, kind in COLUMNS]
    table = {"name": "PrimaryResult", "columns": columns, "rows": rows[:most]}
    content: dict[str, Any] = {"tables": [table]}
    if "include-statistics=true" in prefer:
        content["statistics"] = {"query": {"executionTime": 0.0156}}
    if len(rows) > most:
        content["error"] = _partial(most)
    return json_response(content)


def _partial(most: int) -> dict[str, Any]:
    inner = {
        "code": "-2133196797",
        "message": f"The results of this query exceed the set limit of {most} records, so not all "
        "records were returned (E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003).",
        "severity": 2,
        "severityName": "Error",
    }
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [
            {
                "code": "EngineError",
                "message": "Something went wrong processing your query on the server.",
                "innererror": inner,
            }
        ],
    }


def _check_rate(state: State) -> None:
    most = state.knobs.logs_queries_per_30_seconds
    taken = state.throttle.take("logs", "", "queries", Rate(most, most / _SECONDS), None)
    if taken.wait_seconds is not None:
        raise ArmError(
            429, "TooManyRequests", "Rate limit is exceeded.",
            headers={"Retry-After": str(taken.wait_seconds)},
        )  # fmt: skip


def _check_access(state: State) -> None:
    patterns = state.knobs.denied_actions
    if any(fnmatchcase(_ACTION.lower(), each.lower()) for each in patterns):
        raise ArmError(
            403, "InsufficientAccessError",
            "The provided credentials have insufficient access to perform the requested operation",
        )  # fmt: skip


def _gateways_of(state: State, place: str) -> list[Gateway]:
    """Those that log to a workspace, or the one of a resource id. Raises ArmError 404."""
    wanted = place.lower()
    found = [each for each in state.world.gateways if wanted in (each.workspace, each.id.lower())]
    if not found:
        raise ArmError(404, "WorkspaceNotFoundError", "The workspace could not be found.")
    return found


_RESOURCE = (
    "/v1/subscriptions/{subscription}/resourceGroups/{group}/providers"
    "/Microsoft.ApiManagement/service/{service}/query"
)
LOGS_PLANE = Plane(
    "logs",
    (
        Route("POST", "/v1/workspaces/{workspace}/query", _query_workspace),
        Route("POST", _RESOURCE, _query_resource),
        Route("POST", "/v1/$batch", _batch),
    ),
    audiences=_AUDIENCES,
)
