"""ARM's JSON for accounts, deployments and models, with the field names of the API."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from simulator.clock import iso
from simulator.models_catalogue import Model, ModelSku
from simulator.resources import QUOTA_KEPT, DeletedAccount
from simulator.state import State
from simulator.world import Account, Deployment

_SOMEBODY = "platform@example.com"
_YEARS_TO_DEPRECATION = timedelta(days=730)


def account_json(account: Account) -> dict[str, Any]:
    """An account as ``accounts.list`` and ``accounts.get`` answer it."""
    return {
        "id": account.id,
        "name": account.name,
        "type": "Microsoft.CognitiveServices/accounts",
        "kind": account.kind,
        "location": account.region,
        "sku": {"name": "S0"},
        "tags": account.tags,
        "etag": _etag(account.id),
        "properties": {
            "endpoint": f"https://{account.name.lower()}.openai.azure.com/",
            "provisioningState": "Succeeded",
            "customSubDomainName": account.name.lower(),
            "publicNetworkAccess": "Enabled",
        },
    }


def deleted_account_json(gone: DeletedAccount) -> dict[str, Any]:
    """An account as ``deletedAccounts`` answers it, until it is purged."""
    account = gone.account
    whole = account_json(account)
    return {
        **whole,
        "id": f"/subscriptions/{account.subscription}/providers/Microsoft.CognitiveServices"
        f"/locations/{account.region}/resourceGroups/{account.resource_group}"
        f"/deletedAccounts/{account.name}",
        "type": "Microsoft.CognitiveServices/locations/resourceGroups/deletedAccounts",
        "properties": {
            **whole["properties"],
            "deletionDate": iso(gone.at),
            "scheduledPurgeDate": iso(gone.at + QUOTA_KEPT),
        },
    }


def deployment_json(state: State, account: Account, deployment: Deployment) -> dict[str, Any]:
    """A deployment with what is in force now: capacity and rate limits for that capacity."""
    capacity = state.capacity(deployment)
    running = state.operations.running_on(account.id, deployment.name)
    asked = running.requested_units if running else None
    properties: dict[str, Any] = {
        "model": {
            "format": "OpenAI",
            "name": deployment.model.name,
            "version": deployment.model.version,
        },
        "versionUpgradeOption": "OnceNewDefaultVersionAvailable",
        "currentCapacity": capacity,
        "capabilities": {deployment.model.capability: "true"},
        "raiPolicyName": "Microsoft.DefaultV2",
        **deployment.properties,
        "provisioningState": deployment.provisioning_state,
    }
    if deployment.sku.rate_limits:
        properties["rateLimits"] = _rate_limits(deployment.sku, capacity)
    if deployment.spillover_deployment_name:
        properties["spilloverDeploymentName"] = deployment.spillover_deployment_name
    identifier = f"{account.id}/deployments/{deployment.name}"
    return {
        "id": identifier,
        "type": "Microsoft.CognitiveServices/accounts/deployments",
        "name": deployment.name,
        "sku": {"name": deployment.sku.name, "capacity": capacity if asked is None else asked},
        **({"tags": deployment.tags} if deployment.tags else {}),
        "properties": properties,
        "systemData": _system_data(state, deployment),
        "etag": _etag(identifier, f"{deployment.uid} {deployment.revision}"),
    }


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
        "createdBy": _SOMEBODY,
        "createdByType": "User",
        "createdAt": iso(created),
        "lastModifiedBy": _SOMEBODY,
        "lastModifiedByType": "User",
        "lastModifiedAt": iso(changed),
    }


def _etag(*parts: str) -> str:
    return f'"{uuid.uuid5(uuid.NAMESPACE_URL, "|".join(parts))}"'


def model_json(kind: str, model: Model, loaded_at: datetime) -> dict[str, Any]:
    """A row of ``models.list``; ``rateLimits`` are those of one unit."""
    return {
        "kind": kind,
        "skuName": "S0",
        "model": {
            "format": "OpenAI",
            "name": model.name,
            "version": model.version,
            "isDefaultVersion": False,
            "skus": [_sku_json(sku, loaded_at) for sku in model.skus],
            "maxCapacity": 9,
            "capabilities": {model.capability: "true"},
            "lifecycleStatus": "GenerallyAvailable",
            "systemData": {"createdBy": "Microsoft", "lastModifiedBy": "Microsoft"},
        },
    }


def _sku_json(sku: ModelSku, loaded_at: datetime) -> dict[str, Any]:
    rule = sku.capacity
    capacity = {"maximum": rule.maximum, "default": rule.default}
    if sku.is_provisioned:
        capacity |= {"minimum": rule.minimum, "step": rule.step}
    written: dict[str, Any] = {
        "name": sku.name,
        "usageName": sku.usage_name,
        "capacity": capacity,
        "deprecationDate": f"{loaded_at + _YEARS_TO_DEPRECATION:%Y-01-01T00:00:00Z}",
    }
    if sku.rate_limits:
        written["rateLimits"] = _rate_limits(sku, 1)
    return written
