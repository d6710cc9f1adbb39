"""ARM's capacities: what could be deployed now, how much a workload needs, and resource SKUs.

``availableCapacity`` is the smaller of what the quota pool has left and what Azure itself has left,
in one piece no larger than the SKU allows. ``availableFinetuneCapacity`` is what the pool of the
same name with ``-finetune`` has left; 0 without such a pool.
"""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulator.arm_lookup import (
    LOCATION,
    PROVIDER,
    SUBSCRIPTION,
    called_location,
    called_subscription,
)
from simulator.arm_usages import scope_json
from simulator.models_catalogue import Model, ModelSku, find_model
from simulator.paging import list_response
from simulator.sizing import Workload, deployable_units, estimated_units
from simulator.state import State
from simulator.web import ArmError, Call, Route, json_response
from simulator.world import PoolKey
from simulator.world_accounts import ACCOUNT_KINDS


async def _list_everywhere(call: Call) -> Response:
    subscription, model = called_subscription(call), _asked_model(call)
    rows = [
        row
        for region in sorted(call.state.world.regions)
        for row in _rows(call.state, subscription, region, model)
    ]
    return list_response(call, rows)


async def _list_of_location(call: Call) -> Response:
    region, model = called_location(call, "modelCapacities"), _asked_model(call)
    return list_response(call, _rows(call.state, call.path["subscription"], region, model))


def _asked_model(call: Call) -> Model | None:
    """The model of the query; None for one Azure does not know, which has no rows.

    Raises ArmError 400 unless all three parameters are there.
    """
    asked = [call.query(name) for name in ("modelFormat", "modelName", "modelVersion")]
    if not all(asked):
        raise ArmError(
            400, "InvalidRequest",
            "The query parameters modelFormat, modelName and modelVersion are required.",
        )  # fmt: skip
    return _model(*asked)


def _model(format_: Any, name: Any, version: Any) -> Model | None:
    found = find_model(str(name), str(version))
    return found if found and found.format.lower() == str(format_).lower() else None


def _rows(
    state: State, subscription: str, region: str, model: Model | None
) -> list[dict[str, Any]]:
    if model is None:
        return []
    skus = [sku for sku in model.skus if not sku.is_for_fine_tuned]
    return [_row(state, subscription, region, model, sku) for sku in skus]


def _row(
    state: State, subscription: str, region: str, model: Model, sku: ModelSku
) -> dict[str, Any]:
    models = f"/subscriptions/{subscription}{PROVIDER}/locations/{region}/models"
    properties: dict[str, Any] = {
        "model": {"format": model.format, "name": model.name, "version": model.version},
        "skuName": sku.name,
        "availableCapacity": available_units(state, subscription, region, sku),
        "availableFinetuneCapacity": _quota_left(
            state, subscription, region, f"{sku.usage_name}-finetune"
        ),
    }
    return {
        "id": f"{models}/{model.format}.{model.name}.{model.version}/skuCapacities/{sku.name}",
        "type": "Microsoft.CognitiveServices/locations/models/skuCapacities",
        "name": sku.name,
        "location": region,
        "properties": properties,
        **scope_json(state, *state.quota.scope(_pool_key(subscription, region, sku.usage_name))),
    }


def available_units(state: State, subscription: str, region: str, sku: ModelSku) -> int:
    """The largest new deployment that quota, Azure's own capacity and the SKU allow."""
    quota_left = _quota_left(state, subscription, region, sku.usage_name)
    azure_has = state.service_capacity.left(region, sku.name)
    units = quota_left if azure_has is None else min(quota_left, azure_has)
    return sku.capacity.largest_within(units)


def _quota_left(state: State, subscription: str, region: str, usage_name: str) -> int:
    key = _pool_key(subscription, region, usage_name)
    return max(state.quota.limit(key) - state.quota.allocated(key), 0)


def _pool_key(subscription: str, region: str, usage_name: str) -> PoolKey:
    return subscription.lower(), region, usage_name.lower()


async def _calculate(call: Call) -> Response:
    called_subscription(call)
    body = call.json()
    model, sku = _model_and_sku(body)
    estimate = estimated_units(sku, _workloads(body.get("workloads")))
    return json_response(
        {
            "model": {"format": model.format, "name": model.name, "version": model.version},
            "skuName": sku.name,
            "estimatedCapacity": {
                "value": estimate,
                "deployableValue": deployable_units(sku, estimate),
            },
        }
    )


def _model_and_sku(body: dict[str, Any]) -> tuple[Model, ModelSku]:
    asked = body.get("model")
    described = asked if isinstance(asked, dict) else {}
    named = [described.get(key) for key in ("format", "name", "version")]
    model = _model(*named)
    if model is None:
        raise ArmError(
            400, "DeploymentModelNotSupported",
            f"The model 'Format: {named[0]}, Name: {named[1]}, Version: {named[2]}' of account "
            "deployment is not supported.",
        )  # fmt: skip
    sku = model.sku(str(body.get("skuName", "")))
    if sku is None:
        raise ArmError(
            400, "InvalidResourceProperties",
            f"The specified SKU '{body.get('skuName')}' of account deployment is not supported by "
            f"the model '{model.name}' version: '{model.version}'.",
        )  # fmt: skip
    return model, sku


def _workloads(rows: Any) -> list[Workload]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ArmError(400, "InvalidRequestContent", "The property 'workloads' is a list.")
    return [_workload(row) for row in rows]


def _workload(row: dict[str, Any]) -> Workload:
    parameters = row.get("requestParameters")
    more = parameters if isinstance(parameters, dict) else {}
    numbers = (
        row.get("requestPerMinute", 0),
        more.get("avgPromptTokens", 0),
        more.get("avgGeneratedTokens", 0),
    )
    if not all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in numbers):
        raise ArmError(
            400, "InvalidRequestContent", "A workload is described by whole numbers from 0."
        )
    return Workload(*numbers)


async def _list_skus(call: Call) -> Response:
    """Resource SKUs: the one an account is created with, by kind and region."""
    called_subscription(call)
    rows = [
        {
            "resourceType": "accounts",
            "name": "S0",
            "tier": "Standard",
            "kind": kind,
            "locations": [region.upper()],
            "restrictions": [],
        }
        for kind in ACCOUNT_KINDS
        for region in sorted(call.state.world.regions)
    ]
    return list_response(call, rows)


CAPACITY_ROUTES = (
    Route("GET", f"{SUBSCRIPTION}{PROVIDER}/modelCapacities", _list_everywhere),
    Route("GET", f"{LOCATION}/modelCapacities", _list_of_location),
    Route("POST", f"{SUBSCRIPTION}{PROVIDER}/calculateModelCapacity", _calculate),
    Route("GET", f"{SUBSCRIPTION}{PROVIDER}/skus", _list_skus),
)
