"""The identity plane: the managed-identity protocol of App Service and Container Apps.

``GET /msi/token?api-version=2019-08-01&resource=…`` with ``X-IDENTITY-HEADER``, over plain http as
on App Service; ``client_id``, ``mi_res_id`` or ``object_id`` ask for a user-assigned identity.
"""

from __future__ import annotations

from starlette.responses import Response

from simulator.tokens import PRINCIPAL, Secrets, issue_token
from simulator.web import Call, Plane, Route, json_response

_USER_ASSIGNED = ("client_id", "mi_res_id", "object_id", "principal_id")


def identity_plane(keys: Secrets) -> Plane:
    """The token endpoint."""

    async def token(call: Call) -> Response:
        if call.request.headers.get("x-identity-header") != keys.header:
            return _refusal(401, "The header X-IDENTITY-HEADER is missing or wrong.")
        audience = call.query("resource")
        if not audience:
            return _refusal(400, "The parameter resource is missing.")
        knobs, asked = call.state.knobs, _asked_identity(call)
        known = [each.lower() for each in knobs.user_assigned_identities]
        if asked and known and asked.lower() not in known:
            return _refusal(
                400,
                "No User Assigned or Delegated Managed Identity found for specified "
                "ClientId/ResourceId/PrincipalId.",
            )
        text, expires_on = issue_token(
            keys.signing_key, audience, knobs.token_seconds,
            client=asked, not_before_seconds=knobs.token_not_before_seconds,
        )  # fmt: skip
        return json_response(
            {
                "access_token": text,
                "expires_on": str(expires_on),
                "resource": audience,
                "token_type": "Bearer",
                "client_id": call.query("client_id") or PRINCIPAL,
            }
        )

    return Plane("identity", (Route("GET", "/msi/token", token),))


def _asked_identity(call: Call) -> str:
    return next((value for name in _USER_ASSIGNED if (value := call.query(name))), "")


def _refusal(status: int, message: str) -> Response:
    """App Service has its own error form, not ARM's."""
    return json_response({"statusCode": status, "message": message}, status)
