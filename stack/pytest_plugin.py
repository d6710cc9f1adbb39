"""Gives a test run its own PostgreSQL, and Valkey to the tests that ask for it.

Loaded with `-p stack.pytest_plugin`, not from a conftest: pytest-django reads the settings before
any conftest is imported, and the settings read DATABASE_URL. With xdist the controller starts the
server, and the workers inherit its address.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.paths import shared_folder
from stack.postgres import Postgres
from stack.postgres_programs import run_as
from stack.processes import identity_of, is_alive, read_identity, write_json
from stack.valkey import Valkey

PREFIX = "headroom-test-"
FOLDER_VARIABLE = "HEADROOM_TEST_FOLDER"
OWNER = "owner.json"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """A wrapper, as those run before all others: before pytest-django reads the settings."""
    os.environ["HEADROOM_MODE"] = "test"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if FOLDER_VARIABLE not in os.environ:  # else this is an xdist worker
        start_run()
    return (yield)


def start_run() -> None:
    base = scratch_base()
    sweep(base)
    folder = make_folder(base)
    os.environ[FOLDER_VARIABLE] = str(folder)
    atexit.register(end_run, folder, owner_pid=os.getpid())
    if "DATABASE_URL" not in os.environ:
        os.environ["DATABASE_URL"] = database(folder).start().url("headroom")


def end_run(folder: Path, *, owner_pid: int) -> None:
    if os.getpid() == owner_pid:  # not in a fork of it
        discard(folder)


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """A real broker, for the few tests that run a real worker; the others run tasks in place."""
    folder = Path(tempfile.mkdtemp(prefix="valkey-", dir=os.environ[FOLDER_VARIABLE]))
    server = Valkey(folder, throw_away=True).start()
    yield server.url
    server.stop()


def scratch_base() -> Path:
    """The temporary folder, or the shared one where the database's user cannot reach it."""
    temporary = Path(tempfile.gettempdir())
    return (
        temporary if run_as(owner_of=temporary / PREFIX).can_reach(temporary) else shared_folder()
    )


def make_folder(base: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
    folder.chmod(0o711)
    write_json(folder / OWNER, identity_of(os.getpid()))
    return folder


def database(folder: Path) -> Postgres:
    return Postgres(folder / "postgres", throw_away=True)


def sweep(base: Path) -> list[Path]:
    """Clear what runs left that were killed before they could; answers the folders cleared."""
    left = [folder for folder in base.glob(f"{PREFIX}*") if is_left(folder)]
    for folder in left:
        discard(folder)
    return left


def is_left(folder: Path) -> bool:
    """Ours, and the run that made it is gone. One without an owner's file is just being made."""
    try:
        ours = folder.stat().st_uid == os.geteuid()
    except FileNotFoundError:  # its own run is clearing it
        return False
    identity = read_identity(folder / OWNER)
    return ours and identity is not None and not is_alive(identity)


def discard(folder: Path) -> None:
    if (folder / "postgres").exists():
        database(folder).stop(how="immediate")
    for server in folder.glob("valkey-*"):
        Valkey(server).stop()
    shutil.rmtree(folder, ignore_errors=True)
