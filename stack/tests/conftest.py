"""Folders that the database's user can reach, with servers that are stopped at the end."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.postgres import Postgres
from stack.pytest_plugin import make_folder, scratch_base
from stack.valkey import Valkey


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
