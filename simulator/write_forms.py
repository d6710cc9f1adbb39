"""The forms in which Azure answers a write, and the addresses at which a client asks on.

``at_once``: done when the answer comes. ``async``: header ``Azure-AsyncOperation``. ``location``:
header ``Location``. ``both``: both headers. ``body``: no header; the resource itself says in
``provisioningState`` how far it is. A PUT is never answered 202, as no client would take it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from simulator.arm_json import deployment_json
from simulator.arm_lookup import LOCATION, SUBSCRIPTION, called_subscription
from simulator.operations import FAILED, IN_PROGRESS, Operation
from simulator.refusals import failure_error
from simulator.state import State
from simulator.web import ArmError, Call, Route, json_response
from simulator.world import Account, Deployment
from simulator.world_fields import region_of

_RESULTS = f"{LOCATION}/operationResults/{{operation}}"
# ARM's rules want one address for the status and one for the result; only the first was recorded.
_RESPONSES = f"{_RESULTS}/response"
_API_VERSION = "2017-04-18"  # as recorded


def note_poll(call: Call, account: Account, deployment: Deployment) -> dict[str, str]:
    """A GET of the resource is the poll of a write answered in the form ``body``.

    The headers that say when to come back, while it runs.
    """
    operation = call.state.operations.running_on(account.id, deployment.name)
    if operation is None or operation.form != "body":
        return {}
    if operation.polls_left:
        operation.poll(call.state.clock.now().timestamp())
        call.state.save()
    return retry_after(call.state)


def retry_after(state: State) -> dict[str, str]:
    """The header of every answer that says "not yet"."""
    seconds = state.knobs.retry_after_seconds
    return {"Retry-After": str(seconds)} if seconds else {}


def polling_headers(call: Call, operation: Operation) -> dict[str, str]:
    """Absolute addresses on the host the client spoke to, and when to come back."""
    headers = retry_after(call.state)
    if operation.form in ("async", "both"):
        headers["Azure-AsyncOperation"] = _address(call, operation, "")
    if operation.form in ("location", "both"):
        headers["Location"] = _address(call, operation, "/response")
    return headers


def _address(call: Call, operation: Operation, end: str) -> str:
    return f"{call.origin}{_path(call, operation)}{end}?api-version={_API_VERSION}"


def _path(call: Call, operation: Operation) -> str:
    path = LOCATION.replace("{subscription}", call.path["subscription"])
    location = operation.location.upper()
    return f"{path.replace('{location}', location)}/operationResults/{operation.id}"


def _called_operation(call: Call) -> Operation:
    subscription = called_subscription(call).lower()
    found = call.state.operations.get(call.path["operation"])
    mine = SUBSCRIPTION.replace("{subscription}", subscription)
    if (
        found is None
        or not found.account.lower().startswith(f"{mine}/")
        or region_of(call.path["location"]) != found.location
    ):
        raise ArmError(
            404, "OperationNotFound",
            f"The operation '{call.path['operation']}' was not found.",
        )  # fmt: skip
    if found.status == IN_PROGRESS and found.poll(call.state.clock.now().timestamp()):
        call.state.save()
    return found


async def _get_status(call: Call) -> Response:
    """The status of an operation; HTTP 200 also for one that failed."""
    operation = _called_operation(call)
    content: dict[str, Any] = {
        "id": _path(call, operation),
        "name": operation.id,
        "status": operation.status,
        "startTime": _stamp(operation.started_at),
    }
    if operation.status == IN_PROGRESS:
        return json_response(content, headers=retry_after(call.state))
    content["endTime"] = _stamp(operation.ended_at or operation.ends_at)
    if operation.error is not None:
        content["error"] = operation.error
    return json_response(content)


async def _get_response(call: Call) -> Response:
    """202 while it runs, then what the write would have answered had it been done at once."""
    operation = _called_operation(call)
    if operation.status == IN_PROGRESS:
        location = {"Location": _address(call, operation, "/response")}
        return Response(status_code=202, headers={**retry_after(call.state), **location})
    if operation.status == FAILED and operation.error is not None:
        raise failure_error(operation.error)
    account = call.state.account(operation.account)
    deployment = None
    if account is not None and operation.verb != "DELETE":
        deployment = call.state.deployment(account.name, operation.deployment)
    if account is None or deployment is None:
        return Response(status_code=204)
    content = deployment_json(call.state, account, deployment)
    return json_response(content)


def _stamp(epoch_seconds: float) -> str:
    return f"{datetime.fromtimestamp(epoch_seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


OPERATION_ROUTES = (
    Route("GET", _RESULTS, _get_status),
    Route("GET", _RESPONSES, _get_response),
)
