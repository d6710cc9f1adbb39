"""What a world file or a control edit may say of an account beyond its name, kind and place.

``properties`` have ARM's own names and shapes, so that a posture can be pasted from Azure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_KEY_SOURCES = ("Microsoft.CognitiveServices", "Microsoft.KeyVault")
_SETTABLE_STATES = (
    "Accepted", "Creating", "Deleting", "Moving", "Failed", "Succeeded", "ResolvingDNS", "Canceled",
)  # fmt: skip
Check = Callable[[Any], bool]


def _one_of(*choices: str) -> Check:
    return lambda value: value in choices


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _text(value: Any) -> bool:
    return isinstance(value, str) and bool(value)


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(_text(each) for each in value)


def _rows_with(key: str) -> Check:
    return lambda value: (
        isinstance(value, list)
        and all(isinstance(each, dict) and _text(each.get(key)) for each in value)
    )


def _network_rules(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and value.get("defaultAction") in ("Allow", "Deny")
        and _rows_with("value")(value.get("ipRules", []))
        and _rows_with("id")(value.get("virtualNetworkRules", []))
    )


def _encryption(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("keySource") not in _KEY_SOURCES:
        return False
    return value["keySource"] == _KEY_SOURCES[0] or isinstance(
        value.get("keyVaultProperties"), dict
    )


_PROPERTIES: dict[str, tuple[Check, str]] = {
    "publicNetworkAccess": (_one_of("Enabled", "Disabled"), "Enabled or Disabled"),
    "disableLocalAuth": (_flag, "true or false"),
    "restrictOutboundNetworkAccess": (_flag, "true or false"),
    "dynamicThrottlingEnabled": (_flag, "true or false"),
    "allowProjectManagement": (_flag, "true or false"),
    "allowedFqdnList": (_texts, "a list of host names"),
    "networkAcls": (
        _network_rules,
        "an object with defaultAction Allow or Deny, ipRules [{value}], virtualNetworkRules [{id}]",
    ),
    "privateEndpointConnections": (_rows_with("name"), "a list of objects with a name"),
    "encryption": (
        _encryption,
        "an object with keySource Microsoft.CognitiveServices, or Microsoft.KeyVault and "
        "keyVaultProperties",
    ),
    "userOwnedStorage": (_rows_with("resourceId"), "a list of objects with a resourceId"),
    "customSubDomainName": (_text, "a text, or null for an account without one"),
    "provisioningState": (_one_of(*_SETTABLE_STATES), f"one of {', '.join(_SETTABLE_STATES)}"),
    "capabilities": (_rows_with("name"), "a list of objects with a name"),
    "callRateLimit": (_object, "an object"),
    "quotaLimit": (_object, "an object"),
    "abusePenalty": (_object, "an object"),
}
_FIELDS: dict[str, tuple[Check, str]] = {
    "sku": (_text, "a text such as S0"),
    "identity": (lambda value: _object(value) and _text(value.get("type")), "an object with type"),
    "tags": (
        lambda value: _object(value) and all(isinstance(each, str) for each in value.values()),
        "an object of texts",
    ),
    "properties": (_object, "an object"),
}


def posture_problem(given: dict[str, Any]) -> str | None:
    """A sentence for the first wrong entry among sku, identity, tags and properties, or None.

    Any property may be null: then the account does not have it.
    """
    for name, (check, words) in _FIELDS.items():
        if given.get(name) is not None and not check(given[name]):
            return f"{name}: expected {words}, got {given[name]!r}."
    for name, value in (given.get("properties") or {}).items():
        if name not in _PROPERTIES:
            return f"properties.{name}: not among {', '.join(sorted(_PROPERTIES))}."
        check, words = _PROPERTIES[name]
        if value is not None and not check(value):
            return f"properties.{name}: expected {words}, got {value!r}."
    return None
