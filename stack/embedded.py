"""The demo's database and broker, and who may use them: one demo, or any number of commands.

`var/demo/demo.lock` is held by a demo alone, or by commands together; the last to leave stops the
servers. A kernel lock goes with its process however that ends, so none is ever left behind.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stack.environment import portal_variables
from stack.paths import StackError
from stack.postgres import Postgres
from stack.processes import end, is_alive, marked, read_identity
from stack.valkey import Valkey

DATABASE = "headroom"
LOCK = "demo.lock"


class Embedded:
    """Database and broker with their data in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = Postgres(folder / "postgres")
        self.valkey = Valkey(folder / "valkey")

    def start(self) -> None:
        self.start_database()
        self.valkey.start()

    def start_database(self) -> None:
        self.postgres.start().create_database(DATABASE)

    def stop(self) -> None:
        self.valkey.stop()
        self.postgres.stop()

    def is_alive(self) -> bool:
        return self.postgres.is_alive() and self.valkey.is_alive()

    def variables(self) -> dict[str, str]:
        return portal_variables(
            self.folder, database_url=self.postgres.url(DATABASE), redis_url=self.valkey.url
        )

    def erase(self) -> None:
        """Stop what still runs on the data and delete it, all but the lock that we hold."""
        end(marked(str(self.folder)), grace_seconds=10)
        self.stop()
        for part in (self.postgres.folder, self.postgres.sockets, self.valkey.socket.parent):
            if not part.is_relative_to(self.folder):  # where a closed home or a long path sent it
                shutil.rmtree(part, ignore_errors=True)
        for entry in self.folder.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry.name != LOCK:
                entry.unlink()


@contextmanager
def lock_for_demo(folder: Path) -> Iterator[None]:
    """Alone with the data; raises `StackError` saying who else is there."""
    with open_lock(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(who_else(folder)) from None
        yield


@contextmanager
def lock_for_command(folder: Path) -> Iterator[IO[str]]:
    """Together with other commands; raises `StackError` while a demo starts or stops."""
    with open_lock(folder) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(who_else(folder)) from None
        yield lock


def is_last(lock: IO[str]) -> bool:
    """Gives up our share; true if no other command still has one."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_lock(folder: Path) -> IO[str]:
    """Refuses a folder that holds something else: `--reset` would delete it."""
    if folder.exists() and any(folder.iterdir()) and not (folder / LOCK).exists():
        raise StackError(
            f"{folder} holds other files; HEADROOM_DEMO_FOLDER must name a new folder."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o711)  # the database's user has to walk through it
        return open(folder / LOCK, "w")
    except PermissionError:
        raise StackError(
            f"{folder} belongs to another user, who ran the demo before you. Remove it as that "
            "user, or set HEADROOM_DEMO_FOLDER to a folder of your own."
        ) from None


def who_else(folder: Path) -> str:
    running = read_identity(folder / "run.json")
    if running and is_alive(running):
        return (
            f"The demo is running already, as process {running['pid']:.0f}; Ctrl-C there ends it."
        )
    return (
        f"A ./headroom command is using {folder} (a demo that starts or stops, or ./headroom "
        "manage). Wait until it is done."
    )
