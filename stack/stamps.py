"""Skipping work that was done before on the same input: told by content, not by date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from stack.paths import PROJECT


def static_inputs() -> Iterable[Path]:
    """All that decides what collectstatic makes: our files, which others, in which versions."""
    yield from files_below(PROJECT / "static", "*")
    yield from sorted((PROJECT / "portal").glob("*.py"))  # settings, finder, storage
    yield PROJECT / "requirements.txt"


def migration_inputs() -> Iterable[Path]:
    """All that decides what migrate does to a database it has seen before."""
    for app in ("portal", "quotas", "showback"):
        yield from files_below(PROJECT / app / "migrations", "*.py")
    yield PROJECT / "requirements.txt"


def files_below(folder: Path, pattern: str) -> Iterable[Path]:
    return (path for path in sorted(folder.rglob(pattern)) if path.is_file())


def digest_of(files: Iterable[Path]) -> str:
    """Changes with any file's name or content."""
    whole = hashlib.sha256()
    for file in files:
        content = hashlib.sha256(file.read_bytes()).hexdigest()
        whole.update(f"{file.relative_to(PROJECT)} {content}\n".encode())
    return whole.hexdigest()


def is_stamped(stamp: Path, digest: str) -> bool:
    return stamp.exists() and stamp.read_text() == digest
