"""ARM's JSON for deployments, with the field names of the API."""

from __future__ import annotations

import uuid
from typing import Any

from simulator.account_json import SOMEBODY
from simulator.clock import iso
from simulator.models_catalogue import ModelSku
from simulator.state import State
from simulator.upgrades import upgrade_option
from simulator.world import Account, Deployment

_NEWER_FROM = "2025-10-01"
_NEWER_DEFAULTS = {"serviceTier": "Default", "deploymentState": "Running"}
_NEWER = (*_NEWER_DEFAULTS, "routing")


def deployment_json(
    state: State, account: Account, deployment: Deployment, api_version: str = ""
) -> dict[str, Any]:
    """A deployment with what is in force now: capacity and rate limits for that capacity.

    Fields newer than the API's 2025-09-01 come with newer versions, or when somebody has set them;
    the knob ``newer_deployment_fields`` may decide otherwise.
    """
    capacity = state.capacity(deployment)
    running = state.operations.running_on(account.id, deployment.name)
    asked = running.requested_units if running else None
    identifier = f"{account.id}/deployments/{deployment.name}"
    return {
        "id": identifier,
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "name": deployment.name,
        "sku": {"name": deployment.sku.name, "capacity": capacity if asked is None else asked},
        **({"tags": deployment.tags} if deployment.tags else {}),
        "properties": _properties(state, deployment, capacity, api_version),
        "systemData": _system_data(state, deployment),
        "etag": _etag(identifier, f"{deployment.uid} {deployment.revision}"),
    }


def _properties(
    state: State, deployment: Deployment, capacity: int, api_version: str
) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "model": {
            "format": deployment.model.format,
            "name": deployment.model.name,
            "version": deployment.model.version,
        },
        "versionUpgradeOption": upgrade_option(deployment),
        "currentCapacity": capacity,
        "capabilities": dict(deployment.model.capabilities),
        "raiPolicyName": "Microsoft.DefaultV2",
        **(_NEWER_DEFAULTS if _has_newer_fields(state, api_version) else {}),
        **deployment.properties,
        "provisioningState": deployment.provisioning_state,
    }
    if state.knobs.newer_deployment_fields == "never":
        properties = {name: each for name, each in properties.items() if name not in _NEWER}
    if deployment.sku.rate_limits:
        properties["rateLimits"] = _rate_limits(deployment.sku, capacity)
    if deployment.spillover_deployment_name:
        properties["spilloverDeploymentName"] = deployment.spillover_deployment_name
    return properties


def _has_newer_fields(state: State, api_version: str) -> bool:
    """Versions begin with their date, so text order is time order."""
    wish = state.knobs.newer_deployment_fields
    return wish == "always" or (wish == "by_version" and api_version >= _NEWER_FROM)


def _rate_limits(sku: ModelSku, units: int) -> list[dict[str, Any]]:
    """What ``units`` allow: the count of one unit times the units."""
    return [
        {
            "key": limit.key,
            "renewalPeriod": limit.renewal_seconds,
            "count": limit.count * units,
        }
        for limit in sku.rate_limits
    ]


def _system_data(state: State, deployment: Deployment) -> dict[str, str]:
    created = deployment.created_at or state.world.loaded_at
    changed = deployment.changed_at or created
    return {
        "createdBy": SOMEBODY,
        "createdByType": "User",
        "createdAt": iso(created),
        "lastModifiedBy": SOMEBODY,
        "lastModifiedByType": "User",
        "lastModifiedAt": iso(changed),
    }


def _etag(*parts: str) -> str:
    return f'"{uuid.uuid5(uuid.NAMESPACE_URL, "|".join(parts))}"'
