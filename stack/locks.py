"""The requirements files: written from pyproject.toml by uv, checked against it without a network.

    ./headroom lock              keeps the versions that still fit
    ./headroom lock --upgrade    takes the newest that fit

Four files instead of a uv.lock, as that one would commit the address of whatever index it was made
with. Each is constrained by the one before, so what is tested is what is run in production.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from stack.paths import PROJECT

PINNED = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ \\;]+)", re.MULTILINE)
DIGEST = re.compile(r"^# made from pyproject\.toml: (\w+)$", re.MULTILINE)


@dataclass(frozen=True)
class Lock:
    """One requirements file: the portal's own dependencies if `runtime`, and these groups."""

    file: str
    runtime: bool
    groups: tuple[str, ...] = ()
    constrained_by: str | None = None


LOCKS = (
    Lock("requirements.txt", runtime=True),
    Lock("requirements/demo.txt", True, ("embedded", "simulator"), "requirements.txt"),
    Lock("requirements/dev.txt", True, ("dev",), "requirements/demo.txt"),
    Lock("requirements/installer.txt", False, ("installer",)),
)


def wanted(lock: Lock, project: Path = PROJECT) -> list[str]:
    """The requirements that pyproject.toml states for this lock, groups followed into groups."""
    content = tomllib.loads((project / "pyproject.toml").read_text())
    groups = content["dependency-groups"]

    def members(group: str) -> list[str]:
        return [
            name
            for entry in groups[group]
            for name in ([entry] if isinstance(entry, str) else members(entry["include-group"]))
        ]

    runtime = content["project"]["dependencies"] if lock.runtime else []
    return [*runtime, *(name for group in lock.groups for name in members(group))]


def digest(lock: Lock, project: Path = PROJECT) -> str:
    return hashlib.sha256(json.dumps(sorted(wanted(lock, project))).encode()).hexdigest()[:16]


def write(lock: Lock, uv: str, *options: str) -> None:
    """Resolve for every platform and Python from 3.11 on; keeps pinned versions that still fit."""
    command = [uv, "pip", "compile", "-q", "--universal", "--generate-hashes", "--no-header"]
    command += ["--python-version", "3.11", "--annotation-style", "line", "-o", lock.file]
    command += ["-c", lock.constrained_by] if lock.constrained_by else []
    command += [word for group in lock.groups for word in ("--group", f"pyproject.toml:{group}")]
    command += ["pyproject.toml"] if lock.runtime else []
    subprocess.run([*command, *options], cwd=PROJECT, check=True)
    file = PROJECT / lock.file
    file.write_text(f"# made from pyproject.toml: {digest(lock)}\n{file.read_text()}")


def pins(lock: Lock, project: Path = PROJECT) -> dict[str, set[str]]:
    """Package → its versions: one, or several where platforms need different ones."""
    found: dict[str, set[str]] = {}
    for name, version in PINNED.findall((project / lock.file).read_text()):
        found.setdefault(normal(name), set()).add(version)
    return found


def normal(name: str) -> str:
    """Package names are equal without regard to case and to which of - _ . divides them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def problems(lock: Lock, project: Path = PROJECT) -> list[str]:
    """What keeps this lock from being the one of pyproject.toml; empty when it is."""
    text = (project / lock.file).read_text()
    stated = DIGEST.search(text)
    found = []
    if stated is None or stated[1] != digest(lock, project):
        found.append(f"{lock.file}: made from another pyproject.toml; run ./headroom lock")
    if len(PINNED.findall(text)) > text.count("--hash=sha256:"):
        found.append(f"{lock.file}: a package has no hash; run ./headroom lock")
    if "://" in text:
        found.append(f"{lock.file}: names an address; a lock must work with any package index")
    return found + unmet(lock, project)


def unmet(lock: Lock, project: Path = PROJECT) -> list[str]:
    """Requirements of pyproject.toml that no pinned version, or a wrong one, stands for."""
    from packaging.requirements import Requirement

    pinned, found = pins(lock, project), []
    for requirement in map(Requirement, wanted(lock, project)):
        versions = pinned.get(normal(requirement.name), {"nothing"})
        if versions == {"nothing"} or not all(map(requirement.specifier.contains, versions)):
            found.append(f"{lock.file}: {requirement} is locked to {', '.join(sorted(versions))}")
    return found


def disagreements(project: Path = PROJECT) -> list[str]:
    """Packages that tests or the demo would run in other versions than production."""
    production = pins(LOCKS[0], project)
    return [
        f"{lock.file}: {name} is not what requirements.txt has"
        for lock in LOCKS[1:]
        for name, versions in pins(lock, project).items()
        if production.get(name, versions) != versions
    ]


def check() -> list[str]:
    return [problem for lock in LOCKS for problem in problems(lock)] + disagreements()


def main(uv: str, *options: str) -> int:
    for lock in LOCKS:
        write(lock, uv, *options)
        print(f"{lock.file}: {len(pins(lock))} packages", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
