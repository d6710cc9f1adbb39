"""`./headroom manage …`: Django's commands with a database and a broker at hand.

Beside a running demo they join it. Else, if DATABASE_URL is set, they use that; and if it is not,
the demo's database and broker are started for as long as the command runs.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from stack.embedded import Embedded, is_last, lock_for_command
from stack.environment import base_environment, read_json
from stack.paths import StackError, demo_folder
from stack.processes import is_alive, read_identity


def running_demo(folder: Path) -> dict[str, str] | None:
    """The environment of the demo that runs in `folder`; None if none does."""
    note = folder / "run.json"
    identity, content = read_identity(note), read_json(note)
    if identity is None or content is None or not is_alive(identity):
        return None
    environment = content["environment"]
    return {str(name): str(value) for name, value in environment.items()}  # type: ignore[attr-defined]


def run_command(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Wait for it through Ctrl-C, which the terminal sends to it as well; pass SIGTERM on."""
    command = subprocess.Popen([sys.executable, "manage.py", *arguments], env=environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: command.terminate())
    code = command.wait()
    return code if code >= 0 else 128 - code


def run_embedded(folder: Path, arguments: list[str]) -> int:
    """With servers of its own. Azure is nobody: the simulator runs in the demo only."""
    with lock_for_command(folder) as lock:
        embedded = Embedded(folder)
        try:
            embedded.start()
            return run_command(arguments, base_environment() | embedded.variables())
        finally:
            if is_last(lock):
                embedded.stop()


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    folder = demo_folder()
    environment = running_demo(folder)
    try:
        if environment is None and "DATABASE_URL" not in os.environ:
            return run_embedded(folder, arguments)
    except StackError as sentence:
        print(f"headroom: {sentence}", file=sys.stderr)
        return 1
    return run_command(arguments, {**os.environ, **(environment or {})})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
