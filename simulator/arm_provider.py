"""What ARM says of the provider: its resource types and places, registered or not."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from simulator.arm_lookup import PROVIDER, SUBSCRIPTION, called_subscription
from simulator.web import Call, Route, json_response

_API_VERSIONS = ("2025-09-01", "2025-06-01", "2024-10-01", "2023-05-01")
_REGIONAL_TYPES = ("locations", "locations/usages", "locations/models", "locations/modelCapacities")
_RESOURCE_TYPES = ("accounts", "accounts/deployments")


def _provider_json(call: Call) -> dict[str, Any]:
    places = sorted(call.state.world.regions)
    return {
        "namespace": "Microsoft.CognitiveServices",
        "resourceTypes": [
            {"resourceType": name, "locations": found, "apiVersions": list(_API_VERSIONS)}
            for names, found in ((_RESOURCE_TYPES, places), (_REGIONAL_TYPES, []))
            for name in names
        ],
    }


async def _get_provider(call: Call) -> Response:
    """The provider as the tenant knows it."""
    identifier = {"id": PROVIDER}
    return json_response({**identifier, **_provider_json(call)})


async def _get_registration(call: Call) -> Response:
    subscription = called_subscription(call)
    content = {
        "id": f"/subscriptions/{subscription}{PROVIDER}",
        **_provider_json(call),
        "registrationState": "Registered",
        "registrationPolicy": "RegistrationRequired",
    }
    return json_response(content)


PROVIDER_ROUTES = (
    Route("GET", PROVIDER, _get_provider),
    Route("GET", f"{SUBSCRIPTION}{PROVIDER}", _get_registration),
)
