"""ARM's writes: deployments are created, changed and deleted, accounts deleted and purged."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response

from simulator.account_json import account_json, deleted_account_json
from simulator.arm_json import deployment_json
from simulator.arm_lookup import (
    ACCOUNT,
    DEPLOYMENT,
    LOCATION,
    PROVIDER,
    SUBSCRIPTION,
    accounts_of_group,
    called_account,
    called_deployment,
    called_location,
    called_subscription,
    not_found,
)
from simulator.capacity_write import check_not_busy
from simulator.deployment_rules import checked, read_patch, read_put
from simulator.model_json import capacity_json
from simulator.operations import Operation
from simulator.paging import list_response
from simulator.refusals import check_etag, failure_error, planned_failure, refuse_by_knob
from simulator.resources import DeletedAccount
from simulator.web import ArmError, Call, Route, json_response
from simulator.world import Account
from simulator.write_forms import polling_headers
from simulator.writes import (
    CREATE,
    DELETE,
    DELETE_ACCOUNT,
    PURGE_ACCOUNT,
    RESTORE_ACCOUNT,
    Write,
    begin,
    deleted_account,
    finish,
)

_DELETED = f"{LOCATION}/resourceGroups/{{group}}/deletedAccounts/{{account}}"


async def _put_deployment(call: Call) -> Response:
    account, name = called_account(call), call.path["deployment"]
    existing = call.state.deployment(account.name, name)
    check_etag(call, None if existing is None else deployment_json(call.state, account, existing))
    check_not_busy(call.state, account)
    refuse_by_knob(call.state, account)
    return await _carry_out(call, account, read_put(call.state, account, name, call.json()))


async def _patch_deployment(call: Call) -> Response:
    account, deployment = called_deployment(call)
    check_etag(call, deployment_json(call.state, account, deployment))
    check_not_busy(call.state, account)
    refuse_by_knob(call.state, account)
    write = read_patch(call.state, account, deployment, call.json())
    return await _carry_out(call, account, write)


async def _delete_deployment(call: Call) -> Response:
    account, name = called_account(call), call.path["deployment"]
    deployment = call.state.deployment(account.name, name)
    if deployment is None:
        return Response(status_code=204)
    check_etag(call, deployment_json(call.state, account, deployment))
    check_not_busy(call.state, account)
    return await _carry_out(call, account, Write(DELETE, account.id, deployment))


async def _delete_account(call: Call) -> Response:
    name = call.path["account"].lower()
    account = next((each for each in accounts_of_group(call) if each.name.lower() == name), None)
    if account is None:
        return Response(status_code=204)
    check_etag(call, account_json(account))
    check_not_busy(call.state, account)
    return await _carry_out(call, account, Write(DELETE_ACCOUNT, account.id))


async def _put_account(call: Call) -> Response:
    """Only the restoring of a deleted account; the simulator makes no new ones."""
    gone = _called_gone(call)
    if gone is None:
        raise ArmError(405, "MethodNotAllowed", "The simulator creates and changes no accounts.")
    properties = call.json().get("properties")
    if not isinstance(properties, dict) or properties.get("restore") is not True:
        raise ArmError(
            409, "FlagMustBeSetForRestore",
            f"An existing resource with ID '{gone.account.id}' has been soft-deleted. To restore "
            "the resource, you must specify 'restore' to be 'true' in the property. If you don't "
            "want to restore existing resource, please purge it first.",
        )  # fmt: skip
    check_not_busy(call.state, gone.account)
    return await _carry_out(call, gone.account, Write(RESTORE_ACCOUNT, gone.account.id))


async def _list_deleted(call: Call) -> Response:
    wanted = called_subscription(call).lower()
    rows = [
        deleted_account_json(each)
        for each in call.state.resources.deleted(call.state.clock.now())
        if each.account.subscription.lower() == wanted
    ]
    return list_response(call, rows)


async def _get_deleted(call: Call) -> Response:
    called_location(call, "resourceGroups/deletedAccounts")
    gone = _called_gone(call)
    if gone is None:
        name = f"Microsoft.CognitiveServices/deletedAccounts/{call.path['account']}"
        raise not_found(name, call.path["group"])
    return json_response(deleted_account_json(gone))


async def _purge(call: Call) -> Response:
    called_location(call, "resourceGroups/deletedAccounts")
    gone = _called_gone(call)
    if gone is None:
        return Response(status_code=204)
    check_not_busy(call.state, gone.account)
    return await _carry_out(call, gone.account, Write(PURGE_ACCOUNT, gone.account.id))


def _called_gone(call: Call) -> DeletedAccount | None:
    return deleted_account(call.state, ACCOUNT.format(**call.path))


async def _list_skus(call: Call) -> Response:
    """The capacities this deployment may have."""
    _account, deployment = called_deployment(call)
    row = {
        "resourceType": "Microsoft.CognitiveServices/accounts/deployments",
        "sku": {"name": deployment.sku.name, "capacity": call.state.capacity(deployment)},
        "capacity": capacity_json(deployment.sku.capacity),
    }
    return list_response(call, [row])


async def _carry_out(call: Call, account: Account, write: Write) -> Response:
    """At once, or as an operation; which one is a knob of the verb."""
    state, verb = call.state, call.request.method
    form = state.knobs.form_of(verb)
    if form == "at_once":
        await _at_once(call, account, write)
        return _answer(call, account, write, None)
    now = state.clock.now()
    operation = Operation(
        account=account.id,
        deployment=write.wanted.name if write.wanted else "",
        location=account.region,
        verb=verb,
        form=form,
        write=write.as_json(),
        started_at=now.timestamp(),
        ends_at=now.timestamp() + state.knobs.operation_seconds,
        polls_left=state.knobs.operation_polls,
        error=planned_failure(state),
    )
    begin(state, write, now)
    state.operations.add(operation)
    state.save()
    return _answer(call, account, write, operation)


async def _at_once(call: Call, account: Account, write: Write) -> None:
    state = call.state
    failure = planned_failure(state)
    if failure is not None:
        state.save()
        raise failure_error(failure)
    state.busy_accounts.add(account.id)
    try:
        # A slow write: nothing changes until it is over, and it goes on when the client leaves.
        await asyncio.sleep(state.knobs.write_seconds)
        # Another account may have taken the pool's room meanwhile.
        finish(state, checked(state, write), state.clock.now())
        state.save()
    finally:
        state.busy_accounts.discard(account.id)


def _answer(call: Call, account: Account, write: Write, operation: Operation | None) -> Response:
    deleting = call.request.method == "DELETE"
    headers = polling_headers(call, operation) if operation else {}
    if deleting or (call.request.method == "PATCH" and operation and operation.form != "body"):
        return Response(status_code=202 if operation else 200, headers=headers)
    content = _content(call, account, write)
    created = write.action == CREATE
    if created and operation:
        content["properties"]["provisioningState"] = "Accepted"
    return json_response(content, 201 if created else 200, {**headers, "etag": content["etag"]})


def _content(call: Call, account: Account, write: Write) -> dict[str, Any]:
    if write.wanted is None:
        return account_json(call.state.account(account.id) or account)
    deployment = call.state.deployment(account.name, write.wanted.name)
    if deployment is None:
        raise not_found(f"Microsoft.CognitiveServices/accounts/{account.name}/deployments/"
                        f"{write.wanted.name}", account.resource_group)  # fmt: skip
    return deployment_json(call.state, account, deployment)


WRITE_ROUTES = (
    Route("PUT", DEPLOYMENT, _put_deployment),
    Route("PATCH", DEPLOYMENT, _patch_deployment),
    Route("DELETE", DEPLOYMENT, _delete_deployment),
    Route("GET", f"{DEPLOYMENT}/skus", _list_skus),
    Route("DELETE", ACCOUNT, _delete_account),
    Route("PUT", ACCOUNT, _put_account),
    Route("GET", f"{SUBSCRIPTION}{PROVIDER}/deletedAccounts", _list_deleted),
    Route("GET", _DELETED, _get_deleted),
    Route("DELETE", _DELETED, _purge),
)
