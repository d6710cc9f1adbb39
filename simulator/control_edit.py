"""Edits by somebody in the Azure portal: the same rules as ARM's, but no token and no waiting."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from simulator.capacity_write import check_not_busy, whole_number
from simulator.clock import iso
from simulator.control_accounts import edit_account
from simulator.deployment_rules import checked, read_patch, read_put
from simulator.models_catalogue import find_model
from simulator.refusals import failure_of
from simulator.state import State, trace_finder
from simulator.web import ArmError, Call, Route, json_response
from simulator.world import Account, Deployment
from simulator.world_traffic import TrafficFile, read_traffic
from simulator.writes import (
    DELETE,
    DELETE_ACCOUNT,
    PURGE_ACCOUNT,
    RESTORE_ACCOUNT,
    UPDATE,
    Write,
    deleted_account,
    finish,
)

_CHANGES = ("capacity", "version", "tags", "properties")
_ACCOUNT_ACTIONS = {
    "delete_account": DELETE_ACCOUNT,
    "restore_account": RESTORE_ACCOUNT,
    "purge_account": PURGE_ACCOUNT,
}
_ACTIONS = ("change", "create", "delete", "rename", *_ACCOUNT_ACTIONS)


def deployment_row(state: State, each: Deployment) -> dict[str, Any]:
    """A deployment as the control API tells it."""
    return {
        "name": each.name,
        "model": each.model.name,
        "version": each.model.version,
        "sku": each.sku.name,
        "usage_name": each.sku.usage_name,
        "capacity": state.capacity(each),
        "capacity_history": [
            {"at": _iso_or_none(at), "capacity": units} for at, units in state.resources.steps(each)
        ],
        "created_at": None if each.created_at is None else iso(each.created_at),
        "spillover_deployment_name": each.spillover_deployment_name,
        "traffic": type(each.traffic).__name__.removesuffix("Traffic").lower(),
        "tags": each.tags,
        "properties": each.properties,
        "provisioning_state": each.provisioning_state,
    }


def _iso_or_none(epoch_seconds: float) -> str | None:
    """None for a deployment that has always been there."""
    return None if math.isinf(epoch_seconds) else iso(datetime.fromtimestamp(epoch_seconds, UTC))


def _wrong(message: str) -> ArmError:
    return ArmError(400, "BadControlRequest", message)


async def _edit(call: Call) -> Response:
    state, body = call.state, call.json()
    action = body.get("action", "change")
    if action not in _ACTIONS:
        raise _wrong(f"action is one of {', '.join(_ACTIONS)}, got {action!r}.")
    if action == "change" and "deployment" not in body:
        return edit_account(state, str(body.get("account", "")), body)
    if action in _ACCOUNT_ACTIONS:
        return _edit_account(state, _ACCOUNT_ACTIONS[action], str(body.get("account", "")))
    account, name = _account(state, body), str(body.get("deployment", ""))
    check_not_busy(state, account)
    if action == "create":
        return _answer(state, account, _create(state, account, name, body))
    deployment = state.deployment(account.name, name)
    if deployment is None:
        raise ArmError(404, "ResourceNotFound", f"There is no deployment {account.name}/{name}.")
    if action == "delete":
        finish(state, Write(DELETE, account.id, deployment), state.clock.now())
        state.save()
        return json_response({"deleted": deployment.name})
    if action == "rename":
        return _answer(state, account, _rename(state, deployment, body))
    return _answer(state, account, _change(state, account, deployment, body))


def _account(state: State, body: dict[str, Any]) -> Account:
    name = str(body.get("account", ""))
    for each in state.world.accounts:
        if each.name.lower() == name.lower():
            return each
    raise ArmError(404, "ResourceNotFound", f"There is no account {name!r}.")


def _edit_account(state: State, action: str, name: str) -> Response:
    living = [each.id for each in state.world.accounts]
    gone = [each.account.id for each in state.resources.deleted(state.clock.now())]
    known = living if action == DELETE_ACCOUNT else gone
    found = [each for each in known if each.rpartition("/")[2].lower() == name.lower()]
    if not found:
        kind = "account" if action == DELETE_ACCOUNT else "deleted account"
        raise ArmError(404, "ResourceNotFound", f"There is no {kind} {name!r}.")
    account = state.account(found[0])
    if account is None:
        deleted = deleted_account(state, found[0])
        account = None if deleted is None else deleted.account
    if account is not None:
        check_not_busy(state, account)
    finish(state, Write(action, found[0]), state.clock.now())
    state.save()
    return json_response({"account": found[0], "action": action})


def _create(state: State, account: Account, name: str, body: dict[str, Any]) -> Deployment:
    if not name or state.deployment(account.name, name) is not None:
        raise _wrong(f"create needs the name of a deployment that is not there, got {name!r}.")
    model = {"name": body.get("model"), "version": body.get("version")}
    write = read_put(
        state, account, name,
        {
            "sku": {"name": body.get("sku"), "capacity": body.get("capacity")},
            "properties": {**(body.get("properties") or {}), "model": model},
            "tags": body.get("tags"),
        },
    )  # fmt: skip
    if body.get("traffic") is not None and write.wanted is not None:
        write = replace(write, wanted=_with_traffic(state, write.wanted, body["traffic"]))
    return _done(state, write)


def _with_traffic(state: State, wanted: Deployment, traffic: Any) -> Deployment:
    try:
        return replace(wanted, traffic=read_traffic(traffic, trace_finder(state.traces)))
    except (TrafficFile, ValueError, AttributeError) as problem:
        raise _wrong(f"traffic: {problem}") from None


def _rename(state: State, old: Deployment, body: dict[str, Any]) -> Deployment:
    """Azure cannot rename: it is deleted and made anew, and its callers follow."""
    to = str(body.get("to", ""))
    if not to or state.deployment(old.account, to) is not None:
        raise _wrong(f"rename needs in `to` a name that is not taken, got {to!r}.")
    units, now = state.capacity(old), state.clock.now()
    state.resources.delete(old, now)
    made = state.resources.add(replace(old, name=to, revision=0), units, now)
    state.save()
    return made


def _change(state: State, account: Account, old: Deployment, body: dict[str, Any]) -> Deployment:
    if not any(body.get(name) is not None for name in _CHANGES):
        raise _wrong(f"A change says one of {', '.join(_CHANGES)}.")
    patch = {"tags": body.get("tags"), "properties": body.get("properties")}
    wanted = read_patch(state, account, old, patch).wanted or old
    units = whole_number(body.get("capacity"), state.capacity(old))
    if body.get("version") is not None:
        model = find_model(old.model.name, str(body["version"]))
        sku = None if model is None else model.sku(old.sku.name)
        if model is None or sku is None:
            raise _wrong(f"There is no version {body['version']!r} of {old.model.name} as "
                         f"{old.sku.name}; GET /_sim/catalogue lists them.")  # fmt: skip
        wanted = replace(wanted, model=model, sku=sku)
    return _done(state, checked(state, Write(UPDATE, account.id, wanted, units)))


def _done(state: State, write: Write) -> Deployment:
    finish(state, write, state.clock.now())
    state.save()
    wanted = write.wanted
    found = None if wanted is None else state.deployment(wanted.account, wanted.name)
    if found is None:
        raise _wrong("The edit left no deployment behind.")
    return found


def _answer(state: State, account: Account, deployment: Deployment) -> Response:
    return json_response({"account": account.name, **deployment_row(state, deployment)})


async def _fail_next(call: Call) -> Response:
    """The next write fails: an operation at its end, one that is done at once with a 400."""
    try:
        call.state.operations.failures.append(failure_of(call.json()))
    except ValueError as problem:
        raise _wrong(str(problem)) from None
    call.state.save()
    return json_response({"value": call.state.operations.failures})


async def _operations(call: Call) -> Response:
    return json_response({"value": call.state.operations.as_json()["all"]})


EDIT_ROUTES = (
    Route("POST", "/_sim/edit", _edit),
    Route("GET", "/_sim/operations", _operations),
    Route("POST", "/_sim/fail-next-operation", _fail_next),
)
