"""Looking at, waiting for and ending processes, also those that somebody left behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

MARKER = "HEADROOM_STARTED_BY"


def running_process(process_id: int, *, name_prefix: str = "") -> psutil.Process | None:
    """The process of this number if it lives and is called so.

    A zombie counts as dead: where PID 1 is slow to collect, a killed server stays listed for
    seconds. A number that went to another program is told by the name.
    """
    try:
        process = psutil.Process(process_id)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith(name_prefix):
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def identity_of(process_id: int) -> dict[str, float]:
    """Number and birth: together they name one process, even after its number was reused."""
    return {"pid": process_id, "born": psutil.Process(process_id).create_time()}


def is_alive(identity: dict[str, float]) -> bool:
    process = running_process(int(identity["pid"]))
    # The boot time that births are counted from can move a little when the clock is set.
    return process is not None and abs(process.create_time() - identity["born"]) < 5


def read_identity(file: Path) -> dict[str, float] | None:
    """What `write_json(identity_of(…))` wrote, or None if there is no such whole file."""
    try:
        found = json.loads(file.read_text())
        return {"pid": int(found["pid"]), "born": float(found["born"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_json(file: Path, content: object, *, mode: int = 0o600) -> None:
    """Write whole or not at all: a reader never sees half a file."""
    unfinished = file.with_name(f"{file.name}.new-{os.getpid()}")
    unfinished.touch(mode=mode)
    unfinished.write_text(json.dumps(content, indent=1))
    unfinished.replace(file)


def marked(mark: str) -> list[psutil.Process]:
    """Processes of ours whose environment says that the supervisor of `mark` started them.

    Unlike a list of numbers in a file this also finds grandchildren, and a child whose supervisor
    was killed before it could write the number down.
    """
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and environment_of(process).get(MARKER) == mark
    ]


def environment_of(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):  # another user's, or gone meanwhile
        return {}


def end(processes: Iterable[psutil.Process], *, grace_seconds: float) -> int:
    """Ask them all to stop, kill those that have not in time; answers how many there were."""
    asked = list(processes)
    for process in asked:
        signal_quietly(process, "terminate")
    for process in still_running(asked, within_seconds=grace_seconds):
        signal_quietly(process, "kill")
    still_running(asked, within_seconds=5)
    return len(asked)


def still_running(
    processes: Iterable[psutil.Process], *, within_seconds: float
) -> list[psutil.Process]:
    """Those that have not ended in time. Zombies have: nobody may ever collect them."""
    give_up = time.monotonic() + within_seconds
    left = list(processes)
    while left := [process for process in left if running_process(process.pid) == process]:
        if time.monotonic() > give_up:
            break
        time.sleep(0.02)
    return left


def signal_quietly(process: psutil.Process, how: str) -> None:
    with suppress(psutil.NoSuchProcess):
        getattr(process, how)()
