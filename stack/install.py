"""Makes `.venv` with the locked packages, once for each state of the lock. Standard library only.

uv installs if it is on the PATH or can be had from the package index, else pip does, slower. Every
package is checked against the hashes of its lock. A stamp in the environment says what it was made
from, so a later start has nothing to do but read it.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path

from stack.paths import PROJECT, StackError, demo_folder

UNREACHABLE = (
    "The packages could not be installed; the lines above say why. If the package index cannot be "
    "reached from here, check the network or name your mirror in PIP_INDEX_URL and "
    "UV_DEFAULT_INDEX; then run the same command again."
)


class Level(IntEnum):
    """What is installed; each level holds the one before, in the same versions."""

    DEMO = 1
    DEV = 2

    @property
    def lock_file(self) -> Path:
        return PROJECT / "requirements" / f"{self.name.lower()}.txt"


def venv() -> Path:
    return PROJECT / ".venv"


def python() -> Path:
    return venv() / "bin" / "python"


def tools() -> Path:
    return PROJECT / ".tools"


def ensure_installed(level: Level) -> Path:
    """The environment's Python, after installing what `level` still lacks.

    Safe to run twice at once. Never takes away: after a test run the demo keeps the test packages.
    """
    if is_current(level):
        return python()
    with alone():
        if not is_current(level):
            install(max(level, installed_level()))
    return python()


def is_current(level: Level) -> bool:
    installed = installed_level()
    return (
        python().exists()
        and installed >= level
        and read_stamp().get("locks") == lock_digests(installed)
    )


def installed_level() -> Level:
    """DEMO also where nothing is installed: then there is no stamp to agree with the locks."""
    return Level.DEV if read_stamp().get("level") == Level.DEV else Level.DEMO


def stamp_file() -> Path:
    return venv() / "headroom.json"


def read_stamp() -> dict[str, object]:
    try:
        stamp = json.loads(stamp_file().read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def lock_digests(upto: Level) -> dict[str, str]:
    """Name of each level's lock up to this one → its digest."""
    return {
        level.lock_file.name: hashlib.sha256(level.lock_file.read_bytes()).hexdigest()
        for level in Level
        if level <= upto
    }


@contextmanager
def alone() -> Iterator[None]:
    """One installation at a time; a second one waits and then finds its work done."""
    tools().mkdir(exist_ok=True)
    with open(tools() / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another ./headroom is installing; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install(level: Level) -> None:
    """Bring `.venv` to exactly the packages of this level's lock, and stamp it."""
    refuse_under_a_running_demo(level)
    began = time.monotonic()
    count = level.lock_file.read_text().count("==")
    say(f"Installing {count} locked packages into .venv (once; about a minute on a slow line) …")
    stamp_file().unlink(missing_ok=True)
    uv = find_or_install_uv()
    if not (uv and install_with_uv(uv, level)) and not install_with_pip(level):
        raise StackError(UNREACHABLE)
    stamp_file().write_text(json.dumps({"level": level, "locks": lock_digests(level)}))
    say(f"Installed in {time.monotonic() - began:.1f} s.")


def refuse_under_a_running_demo(level: Level) -> None:
    """Adding test packages beside a running demo is fine; other versions of its own are not."""
    stamped, ours = read_stamp().get("locks"), lock_digests(level)
    if isinstance(stamped, dict) and stamped.get("demo.txt") == ours["demo.txt"]:
        return
    lock_file = demo_folder() / "demo.lock"
    if not lock_file.exists():
        return
    with open(lock_file) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StackError(
                "The locked packages have changed and the demo is running on the old ones. "
                "Stop it (Ctrl-C in its terminal), then run this again."
            ) from None


def find_or_install_uv() -> str | None:
    """uv from the PATH, else from the package index into a folder of its own; None without."""
    found = shutil.which("uv")
    own = tools() / "uv" / "bin" / "uv"
    if found or own.exists():
        return found or str(own)
    say("Fetching uv, the installer, into .tools …")
    if fetch_uv(own.parents[1]) and own.exists():
        return str(own)
    shutil.rmtree(own.parents[1], ignore_errors=True)
    say("uv could not be fetched; trying pip.")
    return None


def fetch_uv(folder: Path) -> bool:
    """By this Python's own pip if it has one: making an environment for it takes twice as long."""
    lock = PROJECT / "requirements" / "installer.txt"
    if importlib.util.find_spec("pip"):
        return pip_install(sys.executable, lock, "--target", folder)
    make_venv_with_python(folder)
    return pip_install(folder / "bin" / "python", lock)


def install_with_uv(uv: str, level: Level) -> bool:
    if not python().exists() and not succeeds(
        uv, "venv", "-q", "--clear", "--no-project", "--python", base_python(), venv()
    ):
        return False
    return succeeds(
        *(uv, "pip", "sync", "-q", "--require-hashes", "--python", python(), level.lock_file)
    )


def install_with_pip(level: Level) -> bool:
    say("Installing with pip, which takes longer …")
    if not python().exists():
        make_venv_with_python(venv())
    elif not (venv() / "bin" / "pip").exists():  # uv made it: without pip, and maybe in use
        succeeds(python(), "-m", "ensurepip")
    return pip_install(python(), level.lock_file)


def pip_install(with_python: Path | str, lock_file: Path, *options: Path | str) -> bool:
    return succeeds(
        *(with_python, "-m", "pip", "install", "-q", "--disable-pip-version-check"),
        *("--retries", "2", "--require-hashes", "-r", lock_file, *options),
    )


def make_venv_with_python(folder: Path) -> None:
    """`python3 -m venv`, which Debian and Ubuntu deliver in a package of its own."""
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise StackError(
            "This Python cannot make virtual environments. Run "
            f"`sudo apt install python{version}-venv` (Debian, Ubuntu) or install uv; then run "
            "the same command again."
        )
    shutil.rmtree(folder, ignore_errors=True)
    if not succeeds(base_python(), "-m", "venv", folder):
        raise StackError(f"`{base_python()} -m venv {folder}` failed; the lines above say why.")


def base_python() -> str:
    """The Python that runs us, or the one below it if that is a virtual environment's."""
    if sys.prefix == sys.base_prefix:
        return sys.executable
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return str(Path(sys.base_prefix) / "bin" / name)


def succeeds(*command: Path | str) -> bool:
    """Run it with its output on ours. Environments named in ours would lead pip and uv astray."""
    hidden = {"VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH", "__PYVENV_LAUNCHER__"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment["PIP_USER"] = "0"  # a person's own default would be at odds with --target
    environment["PIP_ROOT_USER_ACTION"] = "ignore"  # its warning is about folders of the system
    return subprocess.call([str(part) for part in command], env=environment) == 0


def say(sentence: str) -> None:
    print(sentence, flush=True)
