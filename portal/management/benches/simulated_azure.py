"""A simulated Azure of a bench's own, and the portal pointed at it: HTTPS, SDKs and all.

The simulator is another program: it is started as one, in a folder that goes away at the end.
Counters and pauses of Azure's endpoints are kept in this process meanwhile, not in the
installation's cache, whose health page knows nothing of a bench.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import CommandError
from django.test.utils import override_settings

from portal.cloud.clients import forget_clients
from portal.cloud.credentials import forget_credentials
from portal.management.clocks import SimulatedAzure

START_SECONDS, STOP_SECONDS = 30.0, 10.0
OWN_CACHE = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
# What of its own description the portal reads from the environment, as in the demo.
IDENTITY = {
    "IDENTITY_ENDPOINT": "identity_endpoint",
    "IDENTITY_HEADER": "identity_header",
    "REQUESTS_CA_BUNDLE": "ca_file",
}

UNITS = 20  # of each deployment
REGION, MODEL, VERSION, SKU = "eastus2", "gpt-4o", "2024-11-20", "GlobalStandard"
USAGE_NAME = "OpenAI.GlobalStandard.gpt-4o"


def world_of(accounts: int, each: int, *, in_a_subscription: int, room: int = 0) -> dict[str, Any]:
    """A world file: each account with so many deployments of UNITS, and each subscription's pool
    with `room` for more than these.
    """
    deployment = {"model": MODEL, "version": VERSION, "sku": SKU, "capacity": UNITS}
    ids = [f"00000000-0000-4000-8000-{n:012}" for n in range(-(-accounts // in_a_subscription))]
    of = [ids[n // in_a_subscription] for n in range(accounts)]
    return {
        "name": "bench",
        "seed": 1,
        "subscriptions": [{"id": key, "name": f"Bench {key[-2:]}"} for key in ids],
        "limits": [
            {
                "subscription": key,
                "region": REGION,
                "usage_name": USAGE_NAME,
                "limit": of.count(key) * each * UNITS + room,
            }
            for key in ids
        ],
        "accounts": [
            {
                "subscription": key,
                "resource_group": "rg",
                "name": f"bench-{n}",
                "region": REGION,
                "kind": "OpenAI",
                "deployments": [{**deployment, "name": f"d{m}"} for m in range(each)],
            }
            for n, key in enumerate(of)
        ],
    }


@contextmanager
def simulated_azure(world: dict[str, Any]) -> Iterator[SimulatedAzure]:
    """It plays `world` (as a world file) until the end of the block. CommandError when it does not
    start.
    """
    with tempfile.TemporaryDirectory(prefix="headroom-bench-") as name:
        folder = Path(name)
        (folder / "world.json").write_text(json.dumps(world))
        program = _start(folder)
        try:
            with _pointed_at(_await_ready(folder, program)):
                yield SimulatedAzure()
        finally:
            _stop(program)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "simulator", "--state", str(folder / "state")]
    with (folder / "log").open("wb") as log:
        return subprocess.Popen(
            [*command, "--world", str(folder / "world.json")],
            cwd=settings.BASE_DIR,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _await_ready(folder: Path, program: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline, ready = time.monotonic() + START_SECONDS, folder / "state" / "ready.json"
    while not ready.exists():
        if program.poll() is not None or time.monotonic() > deadline:
            _stop(program)
            said = (folder / "log").read_text(errors="replace")[-2000:].strip()
            raise CommandError(f"The simulated Azure did not start. It said: {said or 'nothing'}")
        time.sleep(0.05)
    found: dict[str, Any] = json.loads(ready.read_text())
    return found


def _stop(program: subprocess.Popen[bytes]) -> None:
    program.terminate()
    try:
        program.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait(STOP_SECONDS)


@contextmanager
def _pointed_at(ready: dict[str, Any]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update({name: str(ready[key]) for name, key in IDENTITY.items()})
    os.environ.update(AZURE_TOKEN_CREDENTIALS="ManagedIdentityCredential")  # noqa: S106  a kind
    _forget()
    try:
        with override_settings(
            CACHES=OWN_CACHE,
            AZURE_ARM_ENDPOINT=ready["arm_endpoint"],
            AZURE_METRICS_ENDPOINT=ready["metrics_endpoint"],
            AZURE_LOGS_ENDPOINT=ready["logs_endpoint"],
            HEADROOM_SIMULATOR_CONTROL_URL=ready["control_url"],
            HEADROOM_SUBSCRIPTIONS=ready["subscriptions"],
        ):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        _forget()


def _forget() -> None:
    """Clients and tokens are kept per process."""
    forget_clients()
    forget_credentials()
