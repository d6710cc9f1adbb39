"""Tokens: made for one audience, signed, and checked by each plane with Azure's refusals.

They are stateless JWTs (the key lies in the state folder), so those a client caches stay good
across a restart of the simulator. Lifetimes are in real time.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt

from simulator.state import write_atomically
from simulator.web import ArmError

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
PRINCIPAL = "5f1c2a52-0000-4000-8000-6c1a7a3e9b10"
CLIENT = "0c6d1f3e-0000-4000-8000-9a2b7c4d5e60"
_ALGORITHM = "HS256"
_MADE_AT = "sim_made_at"  # "iat" is in whole seconds, too coarse for a revocation


@dataclass(frozen=True)
class Secrets:
    """IDENTITY_HEADER's value, the key tokens are signed with, the app registration's secret."""

    header: str
    signing_key: str
    client_secret: str


def load_secrets(folder: Path) -> Secrets:
    """The secrets of this state folder, made on first use.

    ``SIMULATOR_IDENTITY_HEADER`` sets the header, for clients that are configured before we start.
    """
    path = folder / "identity.json"
    made = {
        "header": os.environ.get("SIMULATOR_IDENTITY_HEADER") or secrets.token_urlsafe(24),
        "signing_key": secrets.token_urlsafe(48),
        "client_secret": secrets.token_urlsafe(30),
    }
    stored = json.loads(path.read_text()) if path.is_file() else {}
    found = Secrets(**{**made, **stored})
    if asdict(found) != stored:
        path.touch(mode=0o600)
        write_atomically(path, json.dumps(asdict(found)))
        path.chmod(0o600)
    return found


def issue_token(
    key: str, audience: str, seconds: float, *, client: str = "", not_before_seconds: float = 0.0
) -> tuple[str, int]:
    """A signed token for ``audience`` and its expiry in epoch seconds.

    ``client`` names an identity other than the system-assigned one; each is its own principal.
    """
    moment = time.time()
    now = int(moment)
    expires_on = now + int(seconds)
    principal = str(uuid.uuid5(uuid.NAMESPACE_URL, client.lower())) if client else PRINCIPAL
    claims = {
        "aud": audience,
        "iss": f"https://sts.windows.net/{TENANT}/",
        "iat": now,
        "nbf": now + int(not_before_seconds),
        "exp": expires_on,
        "tid": TENANT,
        "oid": principal,
        "sub": principal,
        "appid": client or PRINCIPAL,
        "idtyp": "app",
        "ver": "1.0",
        _MADE_AT: moment,
    }
    return jwt.encode(claims, key, _ALGORITHM), expires_on


def check_token(
    key: str, authorization: str | None, audiences: tuple[str, ...], *, valid_from: float = 0.0
) -> dict[str, Any]:
    """The token's claims. Raises ArmError 401 unless it is a good one for one of ``audiences``.

    Tokens made before ``valid_from`` (epoch seconds) count as revoked and meet a claims challenge.
    """
    claims = _claims(key, authorization)
    _check_times(claims)
    if str(claims["aud"]).rstrip("/") not in {each.rstrip("/") for each in audiences}:
        allowed = ",".join(f"'{each}'" for each in audiences)
        raise _unauthorised(
            "InvalidAuthenticationTokenAudience",
            "The access token has been obtained for wrong audience or resource "
            f"'{claims['aud']}'. It should exactly match with one of the allowed audiences "
            f"{allowed}.",
        )
    if float(claims.get(_MADE_AT, 0)) < valid_from:
        raise _claims_challenge(valid_from)
    return claims


def _claims(key: str, authorization: str | None) -> dict[str, Any]:
    if not authorization or not authorization.lower().startswith("bearer "):
        raise _unauthorised(
            "AuthenticationFailed", "Authentication failed. The 'Authorization' header is missing."
        )
    options = {
        "verify_aud": False, "verify_exp": False, "verify_nbf": False, "verify_iat": False,
        "require": ["aud", "exp"],
    }  # fmt: skip
    try:
        text = authorization[7:].strip()
        return dict(jwt.decode(text, key, algorithms=[_ALGORITHM], options=options))  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        raise _unauthorised("InvalidAuthenticationToken", "The access token is invalid.") from None


def _check_times(claims: dict[str, Any]) -> None:
    now = datetime.now(UTC)
    expires_on, not_before = float(claims["exp"]), float(claims.get("nbf", 0))
    if expires_on <= now.timestamp():
        raise _unauthorised(
            "ExpiredAuthenticationToken",
            f"The access token expiry UTC time '{_american(expires_on)}' is earlier than "
            f"current UTC time '{_american(now.timestamp())}'.",
        )
    if not_before > now.timestamp():
        raise _unauthorised(
            "InvalidAuthenticationToken",
            f"The access token is not valid before UTC time '{_american(not_before)}'; current UTC "
            f"time is '{_american(now.timestamp())}'.",
        )


def _american(epoch_seconds: float) -> str:
    return f"{datetime.fromtimestamp(epoch_seconds, UTC):%m/%d/%Y %I:%M:%S %p}"


def _unauthorised(code: str, message: str) -> ArmError:
    challenge = (
        f'Bearer authorization_uri="https://login.windows.net/{TENANT}", error="invalid_token", '
        f'error_description="{message}"'
    )
    return ArmError(401, code, message, {"WWW-Authenticate": challenge})


def _claims_challenge(valid_from: float) -> ArmError:
    """Continuous access evaluation: ask for a token made after ``valid_from``."""
    wanted = {"access_token": {"nbf": {"essential": True, "value": str(int(valid_from))}}}
    encoded = base64.b64encode(json.dumps(wanted).encode()).decode()
    challenge = (
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/'
        f'authorize", error="insufficient_claims", claims="{encoded}"'
    )
    message = "Continuous access evaluation resulted in claims challenge with result: Revoked."
    return ArmError(401, "InvalidAuthenticationToken", message, {"WWW-Authenticate": challenge})
