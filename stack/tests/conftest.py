"""Folders that the database's user can reach, with servers that are stopped at the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.paths import PROJECT
from stack.postgres import Postgres
from stack.pytest_plugin import make_folder, scratch_base
from stack.valkey import Valkey


def start_four_at_once(module: str, server: str, folder: Path) -> list[int]:
    """Four processes that each start a server on the same folder; answers their exit codes."""
    script = f"import sys; from pathlib import Path; from {module} import {server} as Server\n"
    script += "Server(Path(sys.argv[1]), throw_away=True).start()"
    starters = [
        subprocess.Popen([sys.executable, "-c", script, folder], cwd=PROJECT) for _ in range(4)
    ]
    return [starter.wait(60) for starter in starters]


@pytest.fixture
def folder() -> Iterator[Path]:
    """Unlike tmp_path, which is closed to others, `nobody` can walk through it."""
    made = make_folder(scratch_base())
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """One server for a module, running or not: each test starts it, whatever the last one did."""
    made = make_folder(scratch_base())
    server = Postgres(made / "postgres", throw_away=True)
    yield server
    server.stop(how="immediate")
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def valkey(folder: Path) -> Iterator[Valkey]:
    server = Valkey(folder / "valkey-1")
    yield server
    server.stop()
