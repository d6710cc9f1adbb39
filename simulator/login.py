"""The sign-in plane: client credentials as Microsoft Entra ID issues tokens, over TLS.

An app registration with a secret, or with a federated assertion (workload identity). Not played:
the assertion's signature is not verified, only its audience and its expiry.
"""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from urllib.parse import parse_qs

import jwt
from starlette.responses import Response

from simulator.tokens import CLIENT, TENANT, Secrets, issue_token
from simulator.web import Call, Plane, Route, json_response

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_FEDERATED_AUDIENCE = "api://AzureADTokenExchange"
_ANY_TENANT = ("common", "organizations")
_SUFFIX = "/.default"


class _Refused(Exception):
    def __init__(self, status: int, error: str, number: int, message: str) -> None:
        super().__init__(message)
        self.status, self.error, self.number, self.message = status, error, number, message

    def response(self) -> Response:
        """Entra's own error form."""
        now = datetime.now(UTC)
        trace, correlation = str(uuid.uuid4()), str(uuid.uuid4())
        content = {
            "error": self.error,
            "error_description": f"AADSTS{self.number}: {self.message} Trace ID: {trace} "
            f"Correlation ID: {correlation} Timestamp: {now:%Y-%m-%d %H:%M:%SZ}",
            "error_codes": [self.number],
            "timestamp": f"{now:%Y-%m-%d %H:%M:%SZ}",
            "trace_id": trace,
            "correlation_id": correlation,
            "error_uri": f"https://login.microsoftonline.com/error?code={self.number}",
        }
        return json_response(content, self.status)


def login_plane(keys: Secrets, audiences: set[str]) -> Plane:
    """``audiences``: what tokens can be asked for, without a slash at the end."""

    async def token(call: Call) -> Response:
        try:
            _check_tenant(call)
            form = {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
            _check_client(form, keys)
            audience = _audience(form, audiences)
        except _Refused as refused:
            return refused.response()
        knobs = call.state.knobs
        text, expires_on = issue_token(
            keys.signing_key, audience, knobs.token_seconds,
            client=CLIENT, not_before_seconds=knobs.token_not_before_seconds,
        )  # fmt: skip
        seconds = expires_on - int(time.time())
        return json_response(
            {
                "token_type": "Bearer",
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "access_token": text,
            }
        )

    return Plane(
        "login",
        (
            Route("GET", "/{tenant}/v2.0/.well-known/openid-configuration", _configuration),
            Route("GET", "/common/discovery/instance", _instances),
            Route("GET", "/{tenant}/discovery/v2.0/keys", _keys),
            Route("POST", "/{tenant}/oauth2/v2.0/token", token),
        ),
    )


async def _configuration(call: Call) -> Response:
    try:
        _check_tenant(call)
    except _Refused as refused:
        return refused.response()
    base = f"{call.origin}/{call.path['tenant']}"
    return json_response(
        {
            "issuer": f"{call.origin}/{TENANT}/v2.0",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "jwks_uri": f"{base}/discovery/v2.0/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "response_types_supported": ["token"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }
    )


async def _instances(call: Call) -> Response:
    """What MSAL asks a public authority first: which hosts are the same cloud."""
    host = call.request.headers.get("host", "")
    known = {"preferred_network": host, "preferred_cache": host, "aliases": [host]}
    return json_response(
        {
            "tenant_discovery_endpoint": f"{call.origin}/{TENANT}/v2.0/.well-known/"
            "openid-configuration",
            "api-version": "1.1",
            "metadata": [known],
        }
    )


async def _keys(_call: Call) -> Response:
    """None: tokens are signed with a secret that only the simulator checks."""
    return json_response({"keys": []})


def _check_tenant(call: Call) -> None:
    tenant = call.path["tenant"]
    if tenant.lower() not in (TENANT, *_ANY_TENANT):
        message = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
        raise _Refused(400, "invalid_tenant", 90002, message)


def _check_client(form: dict[str, str], keys: Secrets) -> None:
    for name in ("grant_type", "client_id", "scope"):
        if not form.get(name):
            message = f"The request body must contain the following parameter: '{name}'."
            raise _Refused(400, "invalid_request", 900144, message)
    if form["grant_type"] != "client_credentials":
        message = f"The app requested an unsupported grant type '{form['grant_type']}'."
        raise _Refused(400, "unsupported_grant_type", 70003, message)
    if form["client_id"].lower() != CLIENT:
        message = (
            f"Application with identifier '{form['client_id']}' was not found in the directory."
        )
        raise _Refused(400, "unauthorized_client", 700016, message)
    if form.get("client_assertion_type") == _ASSERTION_TYPE:
        _check_assertion(form.get("client_assertion", ""))
    elif form.get("client_secret") is None:
        message = (
            "The request body must contain the following parameter: 'client_assertion' or "
            "'client_secret'."
        )
        raise _Refused(401, "invalid_client", 7000218, message)
    elif form["client_secret"] != keys.client_secret:
        message = f"Invalid client secret provided for app '{CLIENT}'."
        raise _Refused(401, "invalid_client", 7000215, message)


def _check_assertion(text: str) -> None:
    try:
        claims = jwt.decode(text, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        raise _Refused(401, "invalid_client", 50027, "JWT token is invalid or malformed.") from None
    audience = str(claims.get("aud", ""))
    if audience != _FEDERATED_AUDIENCE and not audience.endswith("/oauth2/v2.0/token"):
        message = (
            f"No matching federated identity record found for presented assertion audience "
            f"'{audience}'."
        )
        raise _Refused(401, "invalid_client", 700212, message)
    if float(claims.get("exp", 0)) <= time.time():
        message = "Client assertion is not within its valid time range."
        raise _Refused(401, "invalid_client", 700024, message)


def _audience(form: dict[str, str], audiences: set[str]) -> str:
    scope = form["scope"].split()[0]
    if not scope.endswith(_SUFFIX):
        message = (
            f"The provided value for scope {scope} is not valid. Client credential flows must have "
            "a scope value with /.default suffixed to the resource identifier."
        )
        raise _Refused(400, "invalid_scope", 1002012, message)
    audience = scope.removesuffix(_SUFFIX)
    if audience.rstrip("/") not in audiences:
        message = f"The resource principal named {audience} was not found in the tenant {TENANT}."
        raise _Refused(400, "invalid_resource", 500011, message)
    return audience
