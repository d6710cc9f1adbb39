"""Starts the simulated Azure as the separate program it is, and talks to its control API.

For tests and for the demo. It knows the simulator by its command line and its `ready.json` alone.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from stack.environment import simulator_variables
from stack.paths import PROJECT

READY = "ready.json"
LOG = "simulator.log"
START_SECONDS = 30.0
STOP_SECONDS = 10.0
CONTROL_SECONDS = 60.0


class SimulatorFailed(RuntimeError):
    """It did not start, or refused a control request; the message says what it printed."""


@dataclass
class SimulatorProcess:
    """A running simulator. `ready` is its own description (addresses, CA file, subscriptions)."""

    folder: Path
    process: subprocess.Popen[bytes]
    ready: dict[str, Any]
    _tls: ssl.SSLContext = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._tls = ssl.create_default_context(cafile=self.ready["ca_file"])

    @property
    def environment(self) -> dict[str, str]:
        """What the portal needs in its environment to take this for Azure."""
        return simulator_variables(self.ready)

    def control(self, method: str, path: str, body: object = None) -> Any:
        """One request to the control API; `path` is what follows `/_sim`, such as `/faults`.

        Returns the JSON answer (None when empty). Raises SimulatorFailed with the answer's text.
        """
        request = urllib.request.Request(  # noqa: S310  the address is the simulator's own
            self.ready["control_url"] + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(  # noqa: S310
                request, timeout=CONTROL_SECONDS, context=self._tls
            ) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            said = error.read().decode(errors="replace")
            raise SimulatorFailed(f"{method} {path}: {error.code} {said}") from None
        return json.loads(text) if text else None

    def stop(self) -> None:
        """Asks it to end, and makes sure that it does. A second call does nothing."""
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """Ends it at once, as a power cut would."""
        self.process.kill()
        self.process.wait(STOP_SECONDS)

    def __enter__(self) -> SimulatorProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def start(
    state_dir: Path | str,
    *,
    world: Path | str | None = None,
    traces: Path | str | None = None,
    trace: Path | str | None = None,
    trace_deployment: str | None = None,
    trace_start: str | None = None,
    clock: str | None = None,
    port: int = 0,
    token_port: int = 0,
) -> SimulatorProcess:
    """Starts it on its state folder and returns when it answers. Port 0 picks a free one.

    Raises SimulatorFailed with what it printed when it ends, or is not ready in 30 seconds.
    """
    folder = Path(state_dir).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / READY).unlink(missing_ok=True)  # one from an earlier run says nothing
    options: dict[str, object] = {
        "state": folder,
        "port": port,
        "token-port": token_port,
        "world": world,
        "traces": traces,
        "trace": trace,
        "trace-deployment": trace_deployment,
        "trace-start": trace_start,
        "clock": clock,
    }
    arguments = [
        part
        for name, value in options.items()
        if value is not None
        for part in (f"--{name}", str(value))
    ]
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "simulator", *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    return SimulatorProcess(folder, process, _await_ready(folder, process))


def _await_ready(folder: Path, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            ready: dict[str, Any] = json.loads((folder / READY).read_text())
            return ready
        except FileNotFoundError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    process.kill()
    process.wait(STOP_SECONDS)
    said = (folder / LOG).read_text(errors="replace")[-2000:].strip()
    raise SimulatorFailed(f"The simulator did not get ready. It said: {said or 'nothing'}")
