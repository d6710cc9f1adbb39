"""The ARM plane: accounts, deployments, usages and models of Microsoft.CognitiveServices, and the
products of Microsoft.ApiManagement."""

from __future__ import annotations

from starlette.responses import Response

from simulator.arm_accounts import ACCOUNT_ROUTES
from simulator.arm_capacities import CAPACITY_ROUTES
from simulator.arm_gateways import API_MANAGEMENT_ROUTES
from simulator.arm_json import deployment_json
from simulator.arm_lookup import (
    DEPLOYMENT,
    DEPLOYMENTS,
    LOCATION,
    called_account,
    called_deployment,
    called_location,
)
from simulator.arm_provider import PROVIDER_ROUTES
from simulator.arm_quota_tiers import QUOTA_TIER_ROUTES
from simulator.arm_usages import USAGE_ROUTES
from simulator.arm_writes import WRITE_ROUTES
from simulator.model_json import model_rows
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


async def _list_deployments(call: Call) -> Response:
    account = called_account(call)
    version = call.query("api-version") or ""
    rows = [deployment_json(call.state, account, each, version) for each in account.deployments]
    return list_response(call, rows)


async def _get_deployment(call: Call) -> Response:
    account, deployment = called_deployment(call)
    headers = note_poll(call, account, deployment)
    version = call.query("api-version") or ""
    content = deployment_json(call.state, account, deployment, version)
    return json_response(content, headers=headers)


async def _list_models(call: Call) -> Response:
    called_location(call, "models")
    return list_response(call, model_rows(call.state, MODELS))


ARM_PLANE = Plane(
    "arm",
    (
        *PROVIDER_ROUTES,
        *ACCOUNT_ROUTES,
        Route("GET", DEPLOYMENTS, _list_deployments),
        Route("GET", DEPLOYMENT, _get_deployment),
        *WRITE_ROUTES,
        *OPERATION_ROUTES,
        Route("GET", f"{LOCATION}/models", _list_models),
        *USAGE_ROUTES,
        *QUOTA_TIER_ROUTES,
        *CAPACITY_ROUTES,
        *API_MANAGEMENT_ROUTES,
    ),
    audiences=_AUDIENCES,
    needs_api_version=True,
    throttled=True,
)
