"""The control API under ``/_sim``: what tests and the demo turn. JSON, no token, loopback only.

Here are the calls for the world; those for its behaviour are in control_behaviour.py.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

from starlette.responses import Response

from simulator.capacity_write import check_capacity, check_not_busy
from simulator.clock import iso
from simulator.control_behaviour import BEHAVIOUR_ROUTES, clock_json
from simulator.control_quota import QUOTA_CONTROLS, limit_rows
from simulator.models_catalogue import MODELS
from simulator.state import State
from simulator.tiers import tier_name
from simulator.web import ArmError, Call, Plane, Route, json_response
from simulator.world import Deployment


async def _get_state(call: Call) -> Response:
    state = call.state
    return json_response(
        {
            "name": state.world.name,
            "seed": state.world.seed,
            "loaded_at": iso(state.world.loaded_at),
            "clock": clock_json(state),
            "knobs": state.knobs.as_json(),
            "subscriptions": [
                {**vars(each), "quota_tier": tier_name(state.tiers.of(each.id).level)}
                for each in state.world.subscriptions
            ],
            "limits": limit_rows(state),
            "accounts": [
                {
                    "id": account.id,
                    "subscription": account.subscription,
                    "resource_group": account.resource_group,
                    "name": account.name,
                    "region": account.region,
                    "kind": account.kind,
                    "deployments": [_deployment_json(state, each) for each in account.deployments],
                }
                for account in state.world.accounts
            ],
        }
    )


def _deployment_json(state: State, each: Deployment) -> dict[str, Any]:
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
    }


def _iso_or_none(epoch_seconds: float) -> str | None:
    """None for a deployment that has always been there."""
    return None if math.isinf(epoch_seconds) else iso(datetime.fromtimestamp(epoch_seconds, UTC))


async def _get_catalogue(_call: Call) -> Response:
    rows = [
        {
            "model": model.name,
            "version": model.version,
            "sku": sku.name,
            "usage_name": sku.usage_name,
            "tokens_per_minute_per_unit": sku.per_minute("token"),
            "requests_per_minute_per_unit": sku.per_minute("request"),
            "input_tokens_per_minute_per_ptu": sku.input_tokens_per_minute_per_unit or None,
            "output_weight": sku.output_weight if sku.is_provisioned else None,
            "capacity": vars(sku.capacity),
        }
        for model in MODELS
        for sku in model.skus
    ]
    return json_response({"value": rows})


async def _edit(call: Call) -> Response:
    """Somebody changes a capacity in the Azure portal: same rules, no token, no slow write."""
    state, body = call.state, call.json()
    account, name = str(body.get("account", "")), str(body.get("deployment", ""))
    deployment = state.deployment(account, name)
    if deployment is None:
        raise ArmError(404, "ResourceNotFound", f"There is no deployment {account}/{name}.")
    check_not_busy(state, state.account_of(deployment))
    check_capacity(state, deployment, body.get("capacity"))
    written = state.write_capacity(deployment, int(body["capacity"]))
    return json_response(_deployment_json(state, written))


CONTROL_PLANE = Plane(
    "control",
    (
        Route("GET", "/_sim/state", _get_state),
        Route("GET", "/_sim/catalogue", _get_catalogue),
        *QUOTA_CONTROLS,
        Route("POST", "/_sim/edit", _edit),
        *BEHAVIOUR_ROUTES,
    ),
)
