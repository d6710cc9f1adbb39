"""The identity plane: the managed-identity protocol of App Service, and the check of its tokens.

``GET /msi/token?api-version=2019-08-01&resource=…`` with ``X-IDENTITY-HEADER``, over plain http as
on App Service. Tokens are stateless signed JWTs (the key lies in the state folder), so those a
client caches stay good across a restart of the simulator. Lifetimes are in real time.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import jwt
from starlette.responses import Response

from simulator.state import write_atomically
from simulator.web import ArmError, Call, Plane, Route, json_response

_ALGORITHM = "HS256"
_TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
_PRINCIPAL = "5f1c2a52-0000-4000-8000-6c1a7a3e9b10"


@dataclass(frozen=True)
class Secrets:
    """The value of IDENTITY_HEADER and the key tokens are signed with."""

    header: str
    signing_key: str


def load_secrets(folder: Path) -> Secrets:
    """The secrets of this state folder, made on first use.

    ``SIMULATOR_IDENTITY_HEADER`` sets the header, for clients that are configured before we start.
    """
    path = folder / "identity.json"
    if not path.is_file():
        path.touch(mode=0o600)
        made = {
            "header": os.environ.get("SIMULATOR_IDENTITY_HEADER") or secrets.token_urlsafe(24),
            "signing_key": secrets.token_urlsafe(48),
        }
        write_atomically(path, json.dumps(made))
        path.chmod(0o600)
    return Secrets(**json.loads(path.read_text()))


def issue_token(key: str, audience: str, seconds: float) -> tuple[str, int]:
    """A signed token for ``audience`` and its expiry in epoch seconds."""
    now = int(time.time())
    expires_on = now + int(seconds)
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{_TENANT}/",
        "iat": now,
        "nbf": now,
        "exp": expires_on,
        "tid": _TENANT,
        "oid": _PRINCIPAL,
        "sub": _PRINCIPAL,
    }
    return jwt.encode(claims, key, _ALGORITHM), expires_on


def check_token(key: str, authorization: str | None, audiences: tuple[str, ...]) -> None:
    """Raises ArmError 401 unless the header carries a good token for one of ``audiences``."""
    if not authorization or not authorization.lower().startswith("bearer "):
        raise _unauthorised(
            "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        )
    try:
        claims = jwt.decode(
            authorization[7:].strip(),
            key,
            algorithms=[_ALGORITHM],
            options={"verify_aud": False, "verify_exp": False, "require": ["aud", "exp"]},
        )
    except jwt.InvalidTokenError:
        raise _unauthorised("InvalidAuthenticationToken", "The access token is invalid.") from None
    _check_expiry(float(claims["exp"]))
    if str(claims["aud"]).rstrip("/") not in {each.rstrip("/") for each in audiences}:
        allowed = ",".join(f"'{each}'" for each in audiences)
        raise _unauthorised(
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource "
            f"'{claims['aud']}'. It should exactly match with one of the allowed audiences "
            f"{allowed}.",
        )


def _check_expiry(expires_on: float) -> None:
    now = datetime.now(UTC)
    if expires_on <= now.timestamp():
        expiry = datetime.fromtimestamp(expires_on, UTC)
        raise _unauthorised(
            "ExpiredAuthenticationToken",
            f"The access token expiry UTC time '{expiry:%m/%d/%Y %I:%M:%S %p}' is earlier than "
            f"current UTC time '{now:%m/%d/%Y %I:%M:%S %p}'.",
        )


def _unauthorised(code: str, message: str) -> ArmError:
    challenge = (
        f'Bearer authorization_uri="https://login.windows.net/{_TENANT}", error="invalid_token", '
        f'error_description="{message}"'
    )
    return ArmError(401, code, message, {"WWW-Authenticate": challenge})


def identity_plane(keys: Secrets) -> Plane:
    """The token endpoint."""

    async def token(call: Call) -> Response:
        if call.request.headers.get("x-identity-header") != keys.header:
            return _refusal(401, "The header X-IDENTITY-HEADER is missing or wrong.")
        audience = call.query("resource")
        if not audience:
            return _refusal(400, "The parameter resource is missing.")
        text, expires_on = issue_token(keys.signing_key, audience, call.state.knobs.token_seconds)
        return json_response(
            {
                "access_token": text,
                "expires_on": str(expires_on),
                "resource": audience,
                "token_type": "Bearer",
                "client_id": call.query("client_id") or _PRINCIPAL,
            }
        )

    return Plane("identity", (Route("GET", "/msi/token", token),))


def _refusal(status: int, message: str) -> Response:
    """App Service has its own error form, not ARM's."""
    return json_response({"statusCode": status, "message": message}, status)
