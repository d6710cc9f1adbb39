"""The `headroom` file itself: which Python it takes, and what it says without one."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest

from stack.install import Level
from stack.launcher import become
from stack.paths import PROJECT

LAUNCHER = PROJECT / "headroom"
OLD_PYTHONS = sorted(Path.home().glob(".pyenv/versions/3.[6-9].*/bin/python3"))


def launcher() -> SimpleNamespace:
    """The file has no .py ending, so it is read instead of imported."""
    names: dict[str, object] = {"__name__": "headroom", "__file__": str(LAUNCHER)}
    exec(compile(LAUNCHER.read_text(), str(LAUNCHER), "exec"), names)  # noqa: S102 - our own file
    return SimpleNamespace(**names)


def run(
    *arguments: str,
    python: Path | str = sys.executable,
    environment: Mapping[str, str] = os.environ,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, LAUNCHER, *arguments], capture_output=True, text=True, env=environment, timeout=60
    )


def program(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_it_parses_in_an_old_python() -> None:
    ast.parse(LAUNCHER.read_text(), feature_version=(3, 4))


def test_help_names_the_commands_without_installing_anything() -> None:
    answer = run("help")
    assert answer.returncode == 0
    for command in ("demo", "test", "check", "manage", "lock"):
        assert f"./headroom {command}" in answer.stdout


def test_an_unknown_command_is_told() -> None:
    answer = run("dmeo")
    assert answer.returncode == 2
    assert "no command 'dmeo'" in answer.stdout


def test_what_it_starts_keeps_its_bytecode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setattr("stack.launcher.ensure_installed", lambda level: sys.executable)
    kept: list[bool] = []
    monkeypatch.setattr(
        os, "execv", lambda *_: kept.append("PYTHONDONTWRITEBYTECODE" not in os.environ)
    )
    become(Level.DEMO, "stack.demo", [])
    assert kept == [True]


def test_a_newer_python_is_found_in_pyenv_past_a_shim_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path / "shims/python3.13", "exit 127")
    program(tmp_path / "pyenv/versions/3.8.18/bin/python3", "exit 1")
    good = program(tmp_path / "pyenv/versions/3.12.1/bin/python3", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path / "shims"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    assert launcher().newer_python() == str(good)


def test_without_any_newer_python_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    found = launcher()
    monkeypatch.setitem(found.main.__globals__, "newer_python", lambda: None)
    monkeypatch.setitem(
        found.main.__globals__, "sys", SimpleNamespace(version_info=(3, 9), exit=sys.exit)
    )
    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer; this is 3\.9"):
        found.main()


@pytest.mark.skipif(not OLD_PYTHONS, reason="no Python older than 3.10 in pyenv here")
def test_a_real_old_python_hands_over_to_a_newer_one() -> None:
    answer = run("help", python=OLD_PYTHONS[0])
    assert (answer.returncode, answer.stderr) == (0, "")
    assert "./headroom demo" in answer.stdout
