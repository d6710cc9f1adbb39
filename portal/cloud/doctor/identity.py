"""Who the portal is for Azure: which credential gave a token, and what the token says of us.

The claims are read without verifying the signature (that is for Azure to do), only to show an
operator which identity needs the roles. The token itself is never shown.
"""

import base64
import json
import os
from typing import Any

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError

from portal.cloud.credentials import credential
from portal.cloud.doctor.network import trouble_of
from portal.cloud.doctor.refusals import one_line
from portal.kernel.findings import Finding, failed, warning, well

PIN = "AZURE_TOKEN_CREDENTIALS"
PIN_FIX = (
    f"Set {PIN} to ManagedIdentityCredential, WorkloadIdentityCredential or EnvironmentCredential: "
    "then no other source is tried."
)
# What Microsoft Entra ID answers to a client that signs in wrongly.
_ENTRA_FIXES = {
    "AADSTS7000222": "The client secret has expired: make a new one, set AZURE_CLIENT_SECRET.",
    "AADSTS7000215": "AZURE_CLIENT_SECRET is wrong: the value is wanted, not the secret's id.",
    "AADSTS700016": "AZURE_CLIENT_ID is not an application of the tenant AZURE_TENANT_ID.",
    "AADSTS90002": "AZURE_TENANT_ID is no tenant of the cloud in HEADROOM_AZURE_CLOUD.",
    "AADSTS70021": "No federated credential of the identity fits: compare issuer and subject.",
    "AADSTS700211": "No federated credential of the identity fits: compare issuer and subject.",
    "AADSTS700213": "No federated credential of the identity fits: compare issuer and subject.",
}
# Between these stands what happened; around them, advice for developers.
_ATTEMPTS, _ADVICE = "Attempted credentials:", "To mitigate this issue"
# Claims as Microsoft's access token reference names them; `appid` in tokens of version 1, else
# `azp`; `xms_mirid` is the resource id of a managed identity.
_SHOWN_CLAIMS = {
    "object_id": ("oid",),
    "application_id": ("appid", "azp"),
    "tenant_id": ("tid",),
    "managed_identity_resource_id": ("xms_mirid",),
}


def examine_pin() -> Finding:
    """Whether one source of credentials is named."""
    value = os.environ.get(PIN, "").strip()
    if not value:
        return warning(
            "azure.credential_setting",
            f"{PIN} is not set: every source of credentials is tried in turn, developers' too.",
            fix=PIN_FIX,
            value="",
        )
    if value.lower() in ("prod", "dev"):
        sentence = f"{PIN} is {value}: several sources of credentials are tried in turn."
        return warning("azure.credential_setting", sentence, fix=PIN_FIX, value=value)
    return well("azure.credential_setting", f"{PIN} names {value}.", value=value)


def examine_token(check: str, name: str, audience: str) -> tuple[Finding, str]:
    """The finding, and the token ("" without one). Never raises."""
    try:
        source = credential()
        token = source.get_token(f"{audience}/.default").token
    except (AzureError, OSError, ValueError) as error:
        return _no_token(check, name, audience, error), ""
    member = member_of(source)
    sentence = f"{member} gave a token for {name}."
    return well(check, sentence, audience, credential=member), token


def member_of(source: TokenCredential) -> str:
    """Which member of the chain gave the token. The SDK tells that in its log and here alone."""
    member = getattr(source, "_successful_credential", None)
    return type(member or source).__name__


def _no_token(check: str, name: str, audience: str, error: Exception) -> Finding:
    trouble = trouble_of(error)
    said = str(error)
    words = one_line((said.partition(_ATTEMPTS)[2] or said).partition(_ADVICE)[0])
    return failed(
        check,
        f"No token for {name}: {words}.",
        audience,
        fix=_fix_of(said) or (trouble.fix if trouble else PIN_FIX),
        reason=trouble.kind if trouble else "no_token",
    )


def _fix_of(said: str) -> str:
    # The longest code first: one begins with another.
    known = sorted((code for code in _ENTRA_FIXES if code in said), key=len, reverse=True)
    if known:
        return _ENTRA_FIXES[known[0]]
    if PIN in said:
        return PIN_FIX
    if "ManagedIdentityCredential" in said:
        return (
            "Switch on a managed identity for this app (AZURE_CLIENT_ID names a user-assigned one; "
            f"leave it unset otherwise), or set {PIN} to the source it does have."
        )
    return ""


def examine_claims(token: str) -> Finding:
    """Object id, application and tenant: what a role assignment asks for."""
    claims = claims_of(token)
    facts = {
        name: str(next((claims[key] for key in keys if claims.get(key)), ""))
        for name, keys in _SHOWN_CLAIMS.items()
    }
    if not facts["object_id"]:
        sentence = "The token does not say whose it is, so the identity cannot be named here."
        return warning("azure.identity", sentence, **facts)
    words = f"object id {facts['object_id']}"
    if facts["application_id"]:
        words += f", application {facts['application_id']}"
    sentence = (
        f"The identity to give roles to: {words}, tenant {facts['tenant_id'] or 'not named'}."
    )
    return well("azure.identity", sentence, facts["object_id"], **facts)


def claims_of(token: str) -> dict[str, Any]:
    """The middle part of a JWT, not verified. Empty where it is none."""
    try:
        middle = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}
