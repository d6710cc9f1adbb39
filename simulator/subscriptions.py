"""Which subscriptions and tenants there are: what ``az login`` and SDK tools ask ARM first."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulator.arm import ARM_PLANE
from simulator.tokens import TENANT
from simulator.web import ArmError, Call, Plane, Route, json_response
from simulator.world import Subscription


def _subscription_json(each: Subscription) -> dict[str, Any]:
    return {
        "id": f"/subscriptions/{each.id}",
        "authorizationSource": "RoleBased",
        "managedByTenants": [],
        "subscriptionId": each.id,
        "tenantId": TENANT,
        "displayName": each.name,
        "state": "Enabled",
        "subscriptionPolicies": {
            "locationPlacementId": "Public_2014-09-01",
            "quotaId": "PayAsYouGo_2014-09-01",
            "spendingLimit": "Off",
        },
    }


async def _list_subscriptions(call: Call) -> Response:
    rows = [_subscription_json(each) for each in call.state.world.subscriptions]
    return json_response({"value": rows, "count": {"type": "Total", "value": len(rows)}})


async def _get_subscription(call: Call) -> Response:
    wanted = call.path["subscription"]
    for each in call.state.world.subscriptions:
        if each.id.lower() == wanted.lower():
            return json_response(_subscription_json(each))
    message = f"The subscription '{wanted}' could not be found."
    raise ArmError(404, "SubscriptionNotFound", message)


async def _list_tenants(_call: Call) -> Response:
    return json_response({"value": [{"id": f"/tenants/{TENANT}", "tenantId": TENANT}]})


SUBSCRIPTIONS_PLANE = Plane(
    "subscriptions",
    (
        Route("GET", "/subscriptions", _list_subscriptions),
        Route("GET", "/subscriptions/{subscription}", _get_subscription),
        Route("GET", "/tenants", _list_tenants),
    ),
    audiences=ARM_PLANE.audiences,
    needs_api_version=True,
    throttled=True,
)
"""Shapes as in the REST reference of Microsoft.Resources 2022-12-01; policies are ours."""
