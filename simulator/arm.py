"""The ARM plane: Microsoft.CognitiveServices accounts, deployments, location usages and models."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from simulator.arm_json import account_json, deployment_json, model_json, usage_rows
from simulator.capacity_write import check_capacity, check_not_busy, checked_capacity
from simulator.models_catalogue import MODELS
from simulator.web import ArmError, Call, Plane, Route, json_response
from simulator.world import Account, Deployment
from simulator.world_file import region_of

_AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)
_SUBSCRIPTION = "/subscriptions/{subscription}"
_PROVIDER = "/providers/Microsoft.CognitiveServices"
_ACCOUNTS = f"{_SUBSCRIPTION}/resourceGroups/{{group}}{_PROVIDER}/accounts"
_DEPLOYMENTS = f"{_ACCOUNTS}/{{account}}/deployments"
_LOCATION = f"{_SUBSCRIPTION}{_PROVIDER}/locations/{{location}}"

# Advisory figures, as recorded from Azure in October 2025.
_READ_HEADERS = {"x-ms-ratelimit-remaining-subscription-global-reads": "16499"}
_WRITE_HEADERS = {
    "x-ms-ratelimit-remaining-subscription-writes": "799",
    "x-ms-ratelimit-remaining-subscription-global-writes": "11999",
}


def _check_subscription(call: Call) -> str:
    wanted = call.path["subscription"]
    if wanted.lower() not in {each.id.lower() for each in call.state.world.subscriptions}:
        raise ArmError(
            404, "SubscriptionNotFound", f"The subscription '{wanted}' could not be found."
        )
    return wanted


def _accounts(call: Call) -> list[Account]:
    wanted = _check_subscription(call).lower()
    return [each for each in call.state.world.accounts if each.subscription.lower() == wanted]


def _accounts_of_group(call: Call) -> list[Account]:
    group = call.path["group"]
    found = [each for each in _accounts(call) if each.resource_group.lower() == group.lower()]
    if not found:
        raise ArmError(
            404, "ResourceGroupNotFound", f"Resource group '{group}' could not be found."
        )
    return found


def _account(call: Call) -> Account:
    name, group = call.path["account"], call.path["group"]
    for each in _accounts_of_group(call):
        if each.name.lower() == name.lower():
            return each
    raise _not_found(f"Microsoft.CognitiveServices/accounts/{name}", group)


def _not_found(resource: str, group: str) -> ArmError:
    return ArmError(
        404, "ResourceNotFound",
        f"The Resource '{resource}' under resource group '{group}' was not found. For more details "
        "please go to https://aka.ms/ARMResourceNotFoundFix",
    )  # fmt: skip


def _deployment(call: Call) -> tuple[Account, Deployment]:
    account, name = _account(call), call.path["deployment"]
    found = call.state.deployment(account.name, name)
    if found is None:
        resource = f"Microsoft.CognitiveServices/accounts/{account.name}/deployments/{name}"
        raise _not_found(resource, account.resource_group)
    return account, found


def _location(call: Call, kind: str) -> str:
    _check_subscription(call)
    region = region_of(call.path["location"])
    regions = call.state.world.regions
    if region not in regions:
        raise ArmError(
            400, "NoRegisteredProviderFound",
            f"No registered resource provider found for location '{call.path['location']}' and API "
            f"version '{call.query('api-version')}' for type 'locations/{kind}'. The supported "
            f"locations are '{', '.join(sorted(regions))}'.",
        )  # fmt: skip
    return region


async def _list_accounts(call: Call) -> Response:
    rows = [account_json(each) for each in _accounts(call)]
    return json_response({"value": rows}, headers=_READ_HEADERS)


async def _list_accounts_of_group(call: Call) -> Response:
    rows = [account_json(each) for each in _accounts_of_group(call)]
    return json_response({"value": rows}, headers=_READ_HEADERS)


async def _get_account(call: Call) -> Response:
    return json_response(account_json(_account(call)), headers=_READ_HEADERS)


async def _list_deployments(call: Call) -> Response:
    account = _account(call)
    rows = [deployment_json(call.state, account, each) for each in account.deployments]
    size = int(call.state.knobs.deployments_page_size)
    if not size:
        return json_response({"value": rows}, headers=_READ_HEADERS)
    token = call.query("$skiptoken") or "0"
    start = int(token) if token.isdigit() else 0
    page: dict[str, Any] = {"value": rows[start : start + size]}
    if start + size < len(rows):
        version = call.query("api-version")
        page["nextLink"] = (
            f"{call.origin}{call.request.url.path}?api-version={version}&$skiptoken={start + size}"
        )
    return json_response(page, headers=_READ_HEADERS)


async def _get_deployment(call: Call) -> Response:
    account, deployment = _deployment(call)
    content = deployment_json(call.state, account, deployment)
    return json_response(content, headers=_READ_HEADERS)


async def _patch_deployment(call: Call) -> Response:
    """The form that is done at once: 200 with ``provisioningState`` Succeeded, nothing to poll."""
    account, deployment = _deployment(call)
    state, body = call.state, call.json()
    check_not_busy(state, account)
    capacity = checked_capacity(state, deployment, body)
    state.busy_accounts.add(account.id)
    try:
        # A slow write: nothing changes until it is over, and it goes on when the client leaves.
        await asyncio.sleep(state.knobs.write_seconds)
        if capacity is not None:
            # Another account may have taken the pool's room meanwhile.
            check_capacity(state, deployment, capacity)
            state.write_capacity(deployment, capacity)
    finally:
        state.busy_accounts.discard(account.id)
    content = deployment_json(state, account, deployment)
    headers = {**_WRITE_HEADERS, "etag": content["etag"]}
    return json_response(content, headers=headers)


async def _list_usages(call: Call) -> Response:
    region = _location(call, "usages")
    rows = usage_rows(call.state, call.path["subscription"], region)
    return json_response({"value": rows}, headers=_READ_HEADERS)


async def _list_models(call: Call) -> Response:
    _location(call, "models")
    now = datetime.now(UTC)
    rows = [model_json(kind, each, now) for kind in ("OpenAI", "AIServices") for each in MODELS]
    return json_response({"value": rows}, headers=_READ_HEADERS)


ARM_PLANE = Plane(
    "arm",
    (
        Route("GET", f"{_SUBSCRIPTION}{_PROVIDER}/accounts", _list_accounts),
        Route("GET", _ACCOUNTS, _list_accounts_of_group),
        Route("GET", f"{_ACCOUNTS}/{{account}}", _get_account),
        Route("GET", _DEPLOYMENTS, _list_deployments),
        Route("GET", f"{_DEPLOYMENTS}/{{deployment}}", _get_deployment),
        Route("PATCH", f"{_DEPLOYMENTS}/{{deployment}}", _patch_deployment),
        Route("GET", f"{_LOCATION}/usages", _list_usages),
        Route("GET", f"{_LOCATION}/models", _list_models),
    ),
    audiences=_AUDIENCES,
    needs_api_version=True,
)
