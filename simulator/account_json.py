"""ARM's JSON for accounts, with the posture an auditor asks about.

Keys of ``endpoints`` and ``capabilities`` and the rules of ``callRateLimit`` as in published output
of ``az cognitiveservices account show`` for kinds OpenAI and AIServices, shortened.
"""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlsplit

from simulator.clock import iso
from simulator.resources import QUOTA_KEPT, DeletedAccount
from simulator.world import Account

SOMEBODY = "platform@example.com"
_OPENAI_APIS = (
    "OpenAI Language Model Instance API", "OpenAI Dall-E API", "OpenAI Moderations API",
    "OpenAI Realtime API", "OpenAI Whisper API", "OpenAI Model Scaleset API", "Token Service API",
)  # fmt: skip
_CAPABILITIES: tuple[tuple[str, str | None], ...] = (
    ("VirtualNetworks", None),
    ("CustomerManagedKey", None),
    ("MaxFineTuneCount", "500"),
    ("MaxRunningFineTuneCount", "3"),
    ("MaxUserFileCount", "100"),
    ("MaxTrainingFileSize", "512000000"),
    ("TrustedServices", "Microsoft.CognitiveServices,Microsoft.Search"),
    ("RaiMonitor", None),
)
_RULES = (
    ("openai.dalle.post", 30, (("dalle/*", "POST"), ("openai/images/*", "POST"))),
    ("openai", 30, (("openai/*", "*"),)),
    ("default", 30, (("*", "*"),)),
)


def account_json(account: Account) -> dict[str, Any]:
    """An account as ``accounts.list`` and ``accounts.get`` answer it."""
    written: dict[str, Any] = {
        "id": account.id,
        "name": account.name,
        "type": "Microsoft.CognitiveServices/accounts",
        "kind": account.kind,
        "location": account.region,
        "sku": {"name": account.sku},
        "tags": account.tags,
        "etag": f'"{uuid.uuid5(uuid.NAMESPACE_URL, f"{account.id}|{account.revision}")}"',
        "properties": _properties(account),
    }
    if account.identity is not None:
        written["identity"] = account.identity
    if account.created_at is not None:
        written["systemData"] = {
            "createdBy": SOMEBODY,
            "createdByType": "User",
            "createdAt": iso(account.created_at),
            "lastModifiedBy": SOMEBODY,
            "lastModifiedByType": "User",
            "lastModifiedAt": iso(account.changed_at or account.created_at),
        }
    return written


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


def _properties(account: Account) -> dict[str, Any]:
    """Azure's defaults, then what the world says. A property set to null is left out."""
    merged: dict[str, Any] = {
        "provisioningState": "Succeeded",
        "isMigrated": False,
        "customSubDomainName": account.name.lower(),
        "networkAcls": {"defaultAction": "Allow", "virtualNetworkRules": [], "ipRules": []},
        "privateEndpointConnections": [],
        "publicNetworkAccess": "Enabled",
        "disableLocalAuth": False,
        "capabilities": _capabilities(),
        "callRateLimit": {"rules": _call_rate_rules()},
    }
    if account.created_at is not None:
        merged["dateCreated"] = iso(account.created_at)
    merged |= account.properties
    merged["endpoint"] = _endpoint(account, merged["customSubDomainName"])
    merged["endpoints"] = _endpoints(account, merged["endpoint"])
    merged["privateEndpointConnections"] = [
        _connection(account, each) for each in merged["privateEndpointConnections"] or []
    ]
    return {name: value for name, value in merged.items() if value is not None}


def _endpoint(account: Account, sub_domain: str | None) -> str:
    """Without a subdomain of its own an account answers at its region's address, by key only."""
    if sub_domain is None:
        return f"https://{account.region}.api.cognitive.microsoft.com/"
    host = "openai" if account.kind == "OpenAI" else "cognitiveservices"
    return f"https://{sub_domain}.{host}.azure.com/"


def openai_host(account: Account) -> str:
    """The host under which the account answers requests to its models."""
    endpoint = _properties(account)["endpoint"].replace(".cognitiveservices.", ".openai.")
    return str(urlsplit(endpoint).hostname)


def _endpoints(account: Account, endpoint: str) -> dict[str, str]:
    if account.kind == "OpenAI":
        return dict.fromkeys(_OPENAI_APIS, endpoint)
    if account.kind != "AIServices":
        return {"Token Service API": endpoint, account.kind: endpoint}
    openai = endpoint.replace(".cognitiveservices.", ".openai.")
    foundry = endpoint.replace(".cognitiveservices.", ".services.ai.")
    return {
        **dict.fromkeys(_OPENAI_APIS, openai),
        "AI Foundry API": foundry,
        "Azure AI Model Inference API": foundry,
        "Language": endpoint,
    }


def _capabilities() -> list[dict[str, str]]:
    return [
        {"name": name} if value is None else {"name": name, "value": value}
        for name, value in _CAPABILITIES
    ]


def _call_rate_rules() -> list[dict[str, Any]]:
    """Throttling of the request path, by address; no tokens are counted here."""
    return [
        {
            "key": key,
            "renewalPeriod": 1,
            "count": count,
            "matchPatterns": [{"path": path, "method": method} for path, method in patterns],
        }
        for key, count, patterns in _RULES
    ]


def _connection(account: Account, given: dict[str, Any]) -> dict[str, Any]:
    """A private endpoint connection; a name and a state are enough to write one down."""
    name = str(given["name"])
    properties = given.get("properties", {})
    return {
        "id": f"{account.id}/privateEndpointConnections/{name}",
        "name": name,
        "type": "Microsoft.CognitiveServices/accounts/privateEndpointConnections",
        **given,
        "properties": {
            "privateEndpoint": {
                "id": f"/subscriptions/{account.subscription}/resourceGroups/"
                f"{account.resource_group}/providers/Microsoft.Network/privateEndpoints/{name}"
            },
            "groupIds": ["account"],
            "provisioningState": "Succeeded",
            "privateLinkServiceConnectionState": {"status": "Approved", "actionsRequired": "None"},
            **properties,
        },
    }
