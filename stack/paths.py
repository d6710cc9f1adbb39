"""Where things lie on disk, and which folders may be trusted and reached."""

from __future__ import annotations

import hashlib
import os
import re
import stat
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

# A unix socket's whole path may have 107 bytes on Linux and 103 on macOS; the longest name we put
# into such a folder is PostgreSQL's "/.s.PGSQL.5432".
LONGEST_SOCKET_FOLDER = 103 - len("/.s.PGSQL.5432")


class StackError(RuntimeError):
    """Something the person at the keyboard can act on; its text is printed without a traceback."""


def demo_folder() -> Path:
    """The demo's data: `var/demo`, or `HEADROOM_DEMO_FOLDER` to keep another one beside it."""
    chosen = os.environ.get("HEADROOM_DEMO_FOLDER")
    return Path(chosen).resolve() if chosen else PROJECT / "var" / "demo"


def short_tag(path: Path) -> str:
    """Ten characters that stand for a path in a file name elsewhere."""
    return hashlib.sha256(str(path).encode()).hexdigest()[:10]


def is_reachable_by(user_id: int, path: Path) -> bool:
    """Can this user walk down to `path`? Folders that do not exist yet do not stand in the way."""
    return all(
        folder.stat().st_mode & stat.S_IXOTH or folder.stat().st_uid == user_id
        for folder in (path, *path.parents)
        if folder.exists()
    )


def shared_folder() -> Path:
    """A folder all users can reach and that outlives a reboot, for what a locked home hides."""
    # What is put there passes own_folder() before it is used.
    return Path(os.environ.get("HEADROOM_SHARED_FOLDER", "/var/tmp"))  # noqa: S108


def last_lines(file: Path, count: int) -> list[str]:
    """The end of a log, nothing where there is no log."""
    return file.read_text(errors="replace").splitlines()[-count:] if file.exists() else []


def own_folder(path: Path, *, mode: int = 0o700) -> Path:
    """Make `path`, or accept it if it is ours alone.

    In a folder that all may write to, someone could have put a folder of this name there first, to
    have us run their programs or to read our data. So it must be a real folder, owned by us and
    writable by nobody else. Raises `StackError` otherwise.
    """
    path.mkdir(parents=True, exist_ok=True, mode=mode)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & 0o022:
        raise StackError(
            f"{path} is not a folder that only you can write to, so it was left alone. "
            "Remove it, or set HEADROOM_SHARED_FOLDER to a folder of your own."
        )
    path.chmod(mode)
    return path


def socket_folder(beside: Path) -> Path:
    """`beside`/s, or a short folder of ours under the temporary folder.

    The short one is taken where the path is too long for a socket, or has characters (a blank, an
    umlaut) that the URLs in DATABASE_URL and REDIS_URL would have to escape.
    """
    if fits_a_socket(beside / "s"):
        return beside / "s"
    for temporary in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - owner checked by own_folder
        short = Path(temporary) / f"headroom-{short_tag(beside)}"
        if fits_a_socket(short / "s"):
            return own_folder(short, mode=0o711) / "s"
    raise StackError("The temporary folder's path does not suit a socket: set TMPDIR=/tmp")


def fits_a_socket(folder: Path) -> bool:
    return len(str(folder)) <= LONGEST_SOCKET_FOLDER and bool(
        re.fullmatch(r"[A-Za-z0-9/._+-]+", str(folder))
    )
