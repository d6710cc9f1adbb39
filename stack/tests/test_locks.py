"""The requirements files are those of pyproject.toml, hash for hash."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stack.locks import LOCKS, check, disagreements, problems, wanted
from stack.paths import PROJECT

RUNTIME, DEMO, DEV, INSTALLER = LOCKS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the real files, to be spoilt."""
    (tmp_path / "requirements").mkdir()
    for name in ("pyproject.toml", *(lock.file for lock in LOCKS)):
        shutil.copy(PROJECT / name, tmp_path / name)
    return tmp_path


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_the_locks_of_this_tree_are_right() -> None:
    assert check() == []


def test_groups_are_followed_into_groups() -> None:
    assert {"pytest", "ruff", "psutil"} <= set(wanted(DEV))
    assert "pytest" not in wanted(DEMO)


def test_a_dependency_added_without_locking_is_told(project: Path) -> None:
    change(project / "pyproject.toml", '"psutil"', '"psutil", "left-pad>=1"')
    assert problems(RUNTIME, project) == []
    assert problems(DEMO, project) == [
        "requirements/demo.txt: made from another pyproject.toml; run ./headroom lock",
        "requirements/demo.txt: left-pad>=1 is locked to nothing",
    ]


def test_a_tightened_version_is_told(project: Path) -> None:
    change(project / "pyproject.toml", '"django~=5.2.0"', '"django~=9.1.0"')
    assert any("django~=9.1.0 is locked to 5.2" in told for told in problems(RUNTIME, project))


def test_a_package_without_a_hash_is_told(project: Path) -> None:
    file = project / "requirements/installer.txt"
    file.write_text("".join(line for line in file.open() if "--hash" not in line))
    assert problems(INSTALLER, project) == [
        "requirements/installer.txt: a package has no hash; run ./headroom lock"
    ]


def test_an_address_in_a_lock_is_told(project: Path) -> None:
    file = project / "requirements.txt"
    file.write_text("--index-url https://mirror.example/simple\n" + file.read_text())
    assert any("names an address" in told for told in problems(RUNTIME, project))


def test_tests_run_what_production_runs(project: Path) -> None:
    change(project / "requirements/dev.txt", "gunicorn==", "gunicorn==0.")
    assert disagreements(project) == [
        "requirements/dev.txt: gunicorn is not what requirements.txt has"
    ]
