"""A world with an account of every sort: open, locked, of other publishers, of another kind."""

from __future__ import annotations

from typing import Any

from simulator.tests.worlds import SUBSCRIPTION, account, deployment, limit, provisioned, world

KEY_VAULT = {
    "keySource": "Microsoft.KeyVault",
    "keyVaultProperties": {
        "keyName": "ai", "keyVersion": "1", "keyVaultUri": "https://kv.vault.azure.net/",
    },
}  # fmt: skip
SUBNET = "/subscriptions/s/resourceGroups/n/providers/Microsoft.Network/virtualNetworks/v/subnets/a"
LOCKED: dict[str, Any] = {
    "publicNetworkAccess": "Disabled",
    "disableLocalAuth": True,
    "restrictOutboundNetworkAccess": True,
    "allowedFqdnList": ["example.com"],
    "networkAcls": {
        "defaultAction": "Deny",
        "ipRules": [{"value": "203.0.113.0/24"}],
        "virtualNetworkRules": [{"id": SUBNET, "ignoreMissingVnetServiceEndpoint": False}],
    },
    "privateEndpointConnections": [{"name": "pe-ai"}],
    "encryption": KEY_VAULT,
    "quotaLimit": {"count": 100, "renewalPeriod": 60},
}


def old_version(name: str, option: str | None = None) -> dict[str, Any]:
    """gpt-4o 2024-08-06 with a ``versionUpgradeOption``."""
    properties = {} if option is None else {"versionUpgradeOption": option}
    return deployment(name, version="2024-08-06", capacity=10, properties=properties)


def partner(name: str, model: str, version: str, **changes: Any) -> dict[str, Any]:
    """A model of another publisher."""
    return deployment(name, model=model, version=version, **{"capacity": 1, **changes})


def foundry_world() -> dict[str, Any]:
    """Accounts ``one`` (OpenAI, open), ``foundry`` (AIServices, locked), ``speech`` (no models)."""
    one = account(
        "one",
        deployment("chat", capacity=50),
        provisioned(spillover_deployment_name="chat"),
        old_version("follows"),
        old_version("waits", "OnceCurrentVersionExpired"),
        old_version("stays", "NoAutoUpgrade"),
    )
    foundry = account(
        "foundry",
        partner("deepseek", "DeepSeek-V4-Pro", "2026-04-23", capacity=250),
        partner("llama", "Llama-3.2-90B-Vision-Instruct", "2"),
        partner("image", "gpt-image-1", "2025-04-15", capacity=3),
        kind="AIServices",
        tags={"costCenter": "42"},
        identity={"type": "SystemAssigned", "principalId": "p", "tenantId": "t"},
        created_at="2025-06-01T00:00:00Z",
        properties=LOCKED,
    )
    speech = account("speech", kind="SpeechServices", properties={"customSubDomainName": None})
    raw = world(one, foundry, speech)
    raw["limits"] += [
        limit("AIServices.GlobalStandard.DeepSeek-V4-Pro", 1000),
        limit("AIServices.GlobalStandard.MaaS", 10),
        limit("OpenAI.GlobalStandard.gpt-image-1", 9),
        limit("OpenAI.GlobalStandard.gpt-4.1", 500),
        limit("OpenAI.Standard.gpt-35-turbo", 240),
    ]
    upgrade = {"subscription": SUBSCRIPTION, "at": "2027-01-01T00:00:00Z", "limits": {}}
    return {**raw, "regions": ["West Europe"], "tier_upgrades": [upgrade]}
