"""A simulator started as the program it is, with its certificate trusted and its clock settable."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

_ROOT = Path(__file__).parents[2]
_START_SECONDS = 30
NOW = "2026-03-04T10:30:00Z"  # a Wednesday


class SimulatorProcess:
    """``python -m simulator`` in a folder."""

    def __init__(self, folder: Path, *arguments: str, clock: str = NOW) -> None:
        self.folder = folder
        self._arguments = ["--state", str(folder), "--clock", clock, *arguments]
        self.ready: dict[str, Any] = {}
        self._process: subprocess.Popen[str] | None = None
        self._control: httpx.Client | None = None

    def start(self) -> SimulatorProcess:
        """Start and wait until it answers."""
        ready = self.folder / "ready.json"
        ready.unlink(missing_ok=True)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *self._arguments],
            cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        deadline = time.monotonic() + _START_SECONDS
        while not ready.is_file():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise AssertionError(f"No start: {self._process.communicate()[1]}")
            time.sleep(0.02)
        self.ready = json.loads(ready.read_text())
        return self

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, answer the exit code."""
        assert self._process is not None
        if self._control is not None:
            self._control.close()
            self._control = None
        self._process.send_signal(number)
        try:
            self._process.communicate(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
            raise
        return self._process.returncode

    def end(self) -> None:
        """Stop it if it still runs."""
        if self._process is not None and self._process.poll() is None:
            self.stop()

    def environment(self) -> dict[str, str]:
        """What the Azure SDKs read."""
        return {
            "IDENTITY_ENDPOINT": self.ready["identity_endpoint"],
            "IDENTITY_HEADER": self.ready["identity_header"],
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "REQUESTS_CA_BUNDLE": self.ready["ca_file"],
        }

    def http(self) -> httpx.Client:
        """A plain client that trusts this simulator only."""
        context = ssl.create_default_context(cafile=self.ready["ca_file"])
        return httpx.Client(base_url=self.ready["arm_endpoint"], verify=context, timeout=20)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """One call of the control API; must succeed."""
        if self._control is None:
            self._control = self.http()
        answer = self._control.request(method, f"/_sim{path}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(self, resource: str) -> str:
        """A token as a managed identity gets it."""
        answer = httpx.get(
            self.ready["identity_endpoint"],
            params={"api-version": "2019-08-01", "resource": resource},
            headers={"X-IDENTITY-HEADER": self.ready["identity_header"]},
            timeout=10,
        )
        return str(answer.json()["access_token"])


@contextmanager
def serving(folder: Path, raw: dict[str, Any]) -> Iterator[SimulatorProcess]:
    """A simulator of that world in ``folder``; it must end well."""
    (folder / "world.json").write_text(json.dumps(raw))
    process = SimulatorProcess(folder, "--world", str(folder / "world.json")).start()
    yield process
    assert process.stop() == 0


def without_azure(environment: dict[str, str] = os.environ) -> list[str]:  # type: ignore[assignment]
    """Names in the environment that would turn the SDKs elsewhere."""
    prefixes = ("AZURE_", "IDENTITY_", "MSI_", "HTTPS_PROXY", "https_proxy")
    return [name for name in environment if name.startswith(prefixes)]
