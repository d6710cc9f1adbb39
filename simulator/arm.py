"""The ARM plane: Microsoft.CognitiveServices accounts, deployments, location usages and models."""

from __future__ import annotations

from starlette.responses import Response

from simulator.arm_capacities import CAPACITY_ROUTES
from simulator.arm_json import account_json, deployment_json, model_json
from simulator.arm_lookup import (
    ACCOUNT,
    ACCOUNTS,
    DEPLOYMENT,
    DEPLOYMENTS,
    LOCATION,
    PROVIDER,
    READ_HEADERS,
    SUBSCRIPTION,
    accounts_of_group,
    accounts_of_subscription,
    called_account,
    called_deployment,
    called_location,
)
from simulator.arm_quota_tiers import QUOTA_TIER_ROUTES
from simulator.arm_usages import USAGE_ROUTES
from simulator.arm_writes import WRITE_ROUTES
from simulator.models_catalogue import MODELS
from simulator.paging import list_response
from simulator.web import Call, Plane, Route, json_response
from simulator.write_forms import OPERATION_ROUTES, note_poll

_AUDIENCES = (
    "https://management.core.windows.net/",
    "https://management.core.windows.net",
    "https://management.azure.com/",
    "https://management.azure.com",
)


async def _list_accounts(call: Call) -> Response:
    rows = [account_json(each) for each in accounts_of_subscription(call)]
    return list_response(call, rows, READ_HEADERS)


async def _list_accounts_of_group(call: Call) -> Response:
    rows = [account_json(each) for each in accounts_of_group(call)]
    return list_response(call, rows, READ_HEADERS)


async def _get_account(call: Call) -> Response:
    return json_response(account_json(called_account(call)), headers=READ_HEADERS)


async def _list_deployments(call: Call) -> Response:
    account = called_account(call)
    rows = [deployment_json(call.state, account, each) for each in account.deployments]
    return list_response(call, rows, READ_HEADERS)


async def _get_deployment(call: Call) -> Response:
    account, deployment = called_deployment(call)
    headers = {**READ_HEADERS, **note_poll(call, account, deployment)}
    return json_response(deployment_json(call.state, account, deployment), headers=headers)


async def _list_models(call: Call) -> Response:
    called_location(call, "models")
    loaded_at = call.state.world.loaded_at
    rows = [
        model_json(kind, each, loaded_at) for kind in ("OpenAI", "AIServices") for each in MODELS
    ]
    return list_response(call, rows, READ_HEADERS)


ARM_PLANE = Plane(
    "arm",
    (
        Route("GET", f"{SUBSCRIPTION}{PROVIDER}/accounts", _list_accounts),
        Route("GET", ACCOUNTS, _list_accounts_of_group),
        Route("GET", ACCOUNT, _get_account),
        Route("GET", DEPLOYMENTS, _list_deployments),
        Route("GET", DEPLOYMENT, _get_deployment),
        *WRITE_ROUTES,
        *OPERATION_ROUTES,
        Route("GET", f"{LOCATION}/models", _list_models),
        *USAGE_ROUTES,
        *QUOTA_TIER_ROUTES,
        *CAPACITY_ROUTES,
    ),
    audiences=_AUDIENCES,
    needs_api_version=True,
    throttled=True,
)
