"""What `./headroom` does once a Python of 3.11 or newer runs it. Standard library only.

It installs what the command needs and then becomes that command, in the project's own environment.
"""

from __future__ import annotations

import os
import subprocess
import sys

from stack.install import Level, ensure_installed, find_or_install_uv
from stack.paths import PROJECT, StackError

HELP = """\
./headroom demo [--reset] [--port N]   the whole portal on this machine, with a simulated Azure
./headroom test [ARGS]                 all checks and tests; ARGS go to pytest
./headroom check                       lint, types, imports, migrations, settings, templates, locks
./headroom manage COMMAND …            Django's commands, with the demo's database and broker
./headroom lock [--upgrade]            write the requirements files from pyproject.toml
./headroom help                        this text

The first command makes .venv with the locked packages; nothing else on this machine is changed.
Data of the demo: var/demo. More: docs/operations/embedded.md"""


def launch(arguments: list[str]) -> int:
    """Run one command; answers the exit code (most commands replace this process instead)."""
    command, *rest = arguments or ["help"]
    os.chdir(PROJECT)
    try:
        match command:
            case "demo":
                become(Level.DEMO, "stack.demo", rest)
            case "manage":
                become(Level.DEMO, "stack.manage", rest)
            case "check":
                become(Level.DEV, "stack.check", rest)
            case "test":
                become(Level.DEV, "pytest", rest) if rest else become(
                    Level.DEV, "stack.check", ["--with-tests"]
                )
            case "lock":
                return lock(rest)
            case "help" | "--help" | "-h":
                print(HELP)
            case _:
                print(f"There is no command {command!r}.\n\n{HELP}")
                return 2
    except StackError as sentence:
        print(f"headroom: {sentence}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def become(level: Level, module: str, arguments: list[str]) -> None:
    """Replace this process, so that signals and the exit code are the command's own.

    Bytecode is kept whatever the machine says: the demo and the tests start dozens of programs,
    and each would compile the same modules again, two seconds for the simulator alone.
    """
    python = str(ensure_installed(level))
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.execv(python, [python, "-m", module, *arguments])  # noqa: S606 - no shell is wanted


def lock(arguments: list[str]) -> int:
    uv = find_or_install_uv()
    if uv is None:
        raise StackError("Locking needs uv, which could not be installed (see above).")
    return subprocess.call([sys.executable, "-m", "stack.locks", uv, *arguments])
