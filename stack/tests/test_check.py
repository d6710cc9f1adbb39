"""All checks run whatever the others say; one that fails is shown and fails the whole."""

from __future__ import annotations

import pytest

from stack import check
from stack.check import main, program, run_all

GOOD = program("good", "-c", "print('all is well')")
BAD = program("bad", "-c", "print('line 7 is wrong'); raise SystemExit(1)")


def test_all_run_and_only_a_failure_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    results = run_all([BAD, GOOD])
    said = capsys.readouterr().out
    assert [(result.name, result.passed) for result in results] == [("bad", False), ("good", True)]
    assert "line 7 is wrong" in said
    assert "all is well" not in said


def test_one_failure_fails_the_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(check, "CHECKS", (GOOD,))
    assert main([]) == 0
    monkeypatch.setattr(check, "CHECKS", (GOOD, BAD))
    assert main([]) == 1
    assert "Checks that failed: bad" in capsys.readouterr().out


def test_the_tests_run_also_when_a_check_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(check, "CHECKS", (BAD,))
    monkeypatch.setattr(check.subprocess, "call", lambda command, cwd: ran.append(command) or 0)
    assert main(["--with-tests"]) == 1
    assert ran == [[check.PYTHON, "-m", "pytest", *check.PARALLEL]]
