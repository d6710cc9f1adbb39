"""The environment variables of the demo's programs; docs/operations/embedded.md lists them."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

# What belongs to a real Azure must not reach programs that talk to a simulated one.
AZURE_PREFIXES = ("AZURE_", "IDENTITY_", "MSI_")
PROXY_EXCEPTIONS = "127.0.0.1,localhost"
NOWHERE = "https://127.0.0.1:1"

Ready = Mapping[str, object]


def base_environment() -> dict[str, str]:
    """Ours without Azure, and without a proxy between programs on the same machine."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(AZURE_PREFIXES)
    }
    for name in ("NO_PROXY", "no_proxy"):
        environment[name] = ",".join(filter(None, [environment.get(name), PROXY_EXCEPTIONS]))
    environment["PYTHONUNBUFFERED"] = "1"
    return environment


def portal_variables(folder: Path, *, database_url: str, redis_url: str) -> dict[str, str]:
    """What the portal needs to start, and an Azure that nobody reaches until one is named."""
    return {
        "HEADROOM_MODE": "demo",
        "HEADROOM_SECRET_KEY": secret_key(folder / "secret-key"),
        "HEADROOM_ALLOWED_HOSTS": "127.0.0.1,localhost",
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "HEADROOM_AZURE_CLOUD": "public",
        "AZURE_ARM_ENDPOINT": NOWHERE,
        "AZURE_METRICS_ENDPOINT": NOWHERE,
        "AZURE_LOGS_ENDPOINT": NOWHERE,
        "IDENTITY_ENDPOINT": "http://127.0.0.1:1/msi/token",
        "IDENTITY_HEADER": "none",
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
    }


def simulator_variables(ready: Ready) -> dict[str, str]:
    """How the portal finds the simulated Azure that wrote this ready.json."""
    subscriptions, workspaces = ready["subscriptions"], ready["workspaces"]
    if not isinstance(subscriptions, list) or not isinstance(workspaces, list):
        raise TypeError("ready.json: subscriptions and workspaces must be lists of ids")
    return {
        "AZURE_ARM_ENDPOINT": str(ready["arm_endpoint"]),
        "AZURE_METRICS_ENDPOINT": str(ready["metrics_endpoint"]),
        "AZURE_LOGS_ENDPOINT": str(ready["logs_endpoint"]),
        "IDENTITY_ENDPOINT": str(ready["identity_endpoint"]),
        "IDENTITY_HEADER": str(ready["identity_header"]),
        "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
        "REQUESTS_CA_BUNDLE": str(ready["ca_file"]),
        "HEADROOM_SIMULATOR_CONTROL_URL": str(ready["control_url"]),
        "HEADROOM_SUBSCRIPTIONS": ",".join(map(str, subscriptions)),
        "HEADROOM_LOG_WORKSPACES": ",".join(map(str, workspaces)),
    }


def secret_key(file: Path) -> str:
    """Made once and kept, so that sign-ins outlive a restart."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(50))
    return file.read_text()


def read_json(file: Path) -> dict[str, object] | None:
    """The object in the file; None while there is no file with a whole one."""
    try:
        content = json.loads(file.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
