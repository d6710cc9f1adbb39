"""One PostgreSQL server in a folder: no TCP port, no user to make, nothing to install.

    server = Postgres(Path("var/demo/postgres")).start()
    server.url("headroom")       # postgresql://headroom@/headroom?host=…

Any number of processes may call `start()` at once; the first one starts the server and the others
find it running. It keeps running until somebody calls `stop()`.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import psutil

from stack.paths import StackError, last_lines, own_folder, shared_folder, short_tag, socket_folder
from stack.postgres_programs import major_version, programs_folder, run_as
from stack.processes import running_process

USER = "headroom"
SOCKET = ".s.PGSQL.5432"

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "80",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # Containers have a /dev/shm of 64 MB, too little for a parallel query.
    "dynamic_shared_memory_type": "mmap",
    "max_parallel_workers_per_gather": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# Data that is thrown away after the run needs no care about power cuts. Its tables are emptied
# again and again: one that autovacuum saw empty is planned for as empty, however much a test has
# put there and not committed, and one query then takes minutes.
THROW_AWAY = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
}


class Postgres:
    """The server whose data lies in `folder`, or in `self.folder` where that cannot be reached."""

    def __init__(self, folder: Path, *, throw_away: bool = False) -> None:
        self.user = run_as(owner_of=folder / "data")
        self.programs = programs_folder(self.user)
        self.folder = self._reachable(folder.absolute())
        self.data = self.folder / "data"
        self.log = self.folder / "server.log"
        self.settings = SETTINGS | (THROW_AWAY if throw_away else {})

    def _reachable(self, folder: Path) -> Path:
        if self.user.can_reach(folder.parent):
            return folder
        elsewhere = shared_folder() / f"headroom-{short_tag(folder)}"
        return own_folder(elsewhere, mode=0o711) / "postgres"

    @property
    def sockets(self) -> Path:
        return socket_folder(self.folder)

    def url(self, database: str) -> str:
        return f"postgresql://{USER}@/{database}?host={self.sockets}"

    def start(self) -> Self:
        """Make the data folder if there is none, and see to it that the server answers."""
        with self._alone():
            if not self.data.exists():
                self._make_data()
            if not self.answers():
                self._refuse_other_version()
                self._clear_stale_locks()
                self._write_settings()
                self._start_server()
        return self

    def stop(self, *, how: str = "fast") -> None:
        """Stop the server if it runs. `how` is pg_ctl's mode: fast, or immediate (no last write).

        Raises `StackError` if it has not stopped after a minute.
        """
        if not self.folder.exists():
            return
        with self._alone():
            if self.is_alive():
                self._pg_ctl("stop", "-w", "-t", "60", "-m", how)

    def create_database(self, name: str) -> None:
        """Make the database unless it is there."""
        try:
            self.user.run(self.programs / "createdb", "-h", self.sockets, "-U", USER, name)
        except StackError as failed:
            if "already exists" not in str(failed):
                raise

    def answers(self) -> bool:
        """Is it ready for us? Waits while it starts or stops (pg_isready: 0 ready, 1 not yet)."""
        if not self.is_alive():
            return False
        for _ in range(600):
            answer = subprocess.run(
                [self.programs / "pg_isready", "-q", "-h", self.sockets, "-t", "2"], check=False
            )
            if answer.returncode != 1:
                return answer.returncode == 0
            time.sleep(0.1)
        return False

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keeps other processes from starting or stopping this server meanwhile."""
        self.user.own(self.folder)
        self.user.own(self.sockets)
        with open(self.folder / "lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _make_data(self) -> None:
        """initdb into another folder and rename: an interrupted one is never taken for whole."""
        unfinished = self.folder / "data.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        locale = ["--locale=C"]
        if (
            major_version(self.programs) >= 17
        ):  # the wheel's has no ICU; this gives UTF-8 case rules
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        arguments = ["-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync", *locale]
        self.user.run(self.programs / "initdb", "-D", unfinished, *arguments)
        unfinished.rename(self.data)

    def _refuse_other_version(self) -> None:
        theirs = (self.data / "PG_VERSION").read_text().strip()
        ours = str(major_version(self.programs))
        if theirs != ours:
            raise StackError(
                f"{self.data} was made by PostgreSQL {theirs}, and this is PostgreSQL {ours}. "
                "Start over with `./headroom demo --reset`, or dump and load it with both versions."
            )

    def _write_settings(self) -> None:
        """Written at each start, so that data made by an older copy of this file follows."""
        settings = self.settings | {"unix_socket_directories": str(self.sockets)}
        lines = [f"{name} = '{value}'\n" for name, value in settings.items()]
        (self.data / "postgresql.auto.conf").write_text("".join(lines))

    def _start_server(self) -> None:
        try:
            self._pg_ctl("start", "-w", "-t", "60", "-l", str(self.log))
        except StackError as failed:
            last = last_lines(self.log, 5)
            raise StackError("\n".join([str(failed), f"The end of {self.log}:", *last])) from failed

    def _pg_ctl(self, *arguments: str) -> None:
        self.user.run(self.programs / "pg_ctl", "-D", self.data, *arguments)

    def is_alive(self) -> bool:
        """Does the server of this folder live, ready or not?"""
        return self._holds(self.data / "postmaster.pid")

    def _holds(self, lock_file: Path) -> bool:
        """Is the process that the lock file names alive, and the server of this folder?

        Another PostgreSQL may have got the number since; a server works inside its data folder.
        """
        number = first_number(lock_file)
        process = running_process(number, name_prefix="postgres") if number else None
        if process is None:
            return False
        try:
            return Path(process.cwd()) == self.data.resolve()
        except psutil.NoSuchProcess:
            return False
        except psutil.AccessDenied:  # somebody else's: not ours to overrule
            return True

    def _clear_stale_locks(self) -> None:
        """Remove what a killed server left, where PostgreSQL itself would not dare.

        It looks only whether a process of that number is there; a zombie, or another program that
        got the number, would keep it from ever starting. Only called when our private socket does
        not answer. A live server of this folder is never overruled.
        """
        for file in (self.data / "postmaster.pid", self.sockets / f"{SOCKET}.lock"):
            if first_number(file) and not self._holds(file):
                file.unlink(missing_ok=True)


def first_number(file: Path) -> int | None:
    """The number in a lock file's first line; None if there is no such file or line."""
    try:
        return int(file.read_text().splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return None
