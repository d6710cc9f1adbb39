"""The control API under ``/_sim``: what tests and the demo turn. JSON, no token, loopback only.

Here are the calls for the world; those for its behaviour are in control_behaviour.py.
"""

from __future__ import annotations

from starlette.responses import Response

from simulator.clock import iso
from simulator.control_accounts import MODEL_CONTROLS
from simulator.control_behaviour import BEHAVIOUR_ROUTES, clock_json
from simulator.control_edit import EDIT_ROUTES, deployment_row
from simulator.control_gateways import GATEWAY_ROUTES
from simulator.control_quota import QUOTA_CONTROLS, limit_rows
from simulator.control_traffic import TRAFFIC_ROUTES
from simulator.gateways import gateway_json
from simulator.model_json import capacity_json
from simulator.models_catalogue import MODELS
from simulator.tiers import tier_name
from simulator.web import Call, Plane, Route, json_response


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
                    "deployments": [deployment_row(state, each) for each in account.deployments],
                }
                for account in state.world.accounts
            ],
            "gateways": [gateway_json(each) for each in state.world.gateways],
        }
    )


async def _get_catalogue(call: Call) -> Response:
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
            "capacity": capacity_json(sku.capacity),
            "lifecycle": call.state.lifecycles.status(model, call.state.clock.now()),
        }
        for model in MODELS
        for sku in model.skus
    ]
    return json_response({"value": rows})


CONTROL_PLANE = Plane(
    "control",
    (
        Route("GET", "/_sim/state", _get_state),
        Route("GET", "/_sim/catalogue", _get_catalogue),
        *QUOTA_CONTROLS,
        *EDIT_ROUTES,
        *GATEWAY_ROUTES,
        *BEHAVIOUR_ROUTES,
        *MODEL_CONTROLS,
        *TRAFFIC_ROUTES,
    ),
)
