"""The supervisor's whole life: start, second start, crash, kill -9, stop while starting, reset."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.embedded import Embedded
from stack.environment import read_json
from stack.paths import PROJECT
from stack.processes import end, marked, still_running

Started = subprocess.Popen[str]


@pytest.fixture
def data(folder: Path) -> Iterator[Path]:
    """The demo's folder; whatever still runs on it is ended."""
    where = folder / "demo"
    yield where
    end(marked(str(where)), grace_seconds=2)
    Embedded(where).stop()


def start(data: Path, *arguments: str) -> Started:
    return subprocess.Popen(
        [sys.executable, "-m", "stack.tests.fake_demo", *arguments],
        cwd=PROJECT,
        env={**os.environ, "HEADROOM_DEMO_FOLDER": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(demo: Started, words: str) -> str:
    """What it printed up to the line with these words. Bounded by the test's timeout."""
    assert demo.stdout
    said = ""
    for line in demo.stdout:
        said += line
        if words in line:
            return said
    pytest.fail(f"it ended before it said {words!r}:\n{said}")


def stop(demo: Started) -> str:
    demo.send_signal(signal.SIGINT)
    said, _ = demo.communicate(timeout=90)
    assert demo.returncode == 0, said
    return said


def nothing_runs(data: Path) -> bool:
    return not marked(str(data)) and not Embedded(data).is_alive()


def test_it_starts_serves_and_ends_and_the_next_start_keeps_the_data(data: Path) -> None:
    first = start(data)
    said = read_until(first, "Ctrl-C stops everything")
    note = read_json(data / "run.json")
    assert note
    assert "ada / a-password" in said
    assert "seeding 1111" in said, "the step's own lines pass through"
    with urllib.request.urlopen(f"{note['address']}/livez", timeout=5) as page:  # noqa: S310
        assert page.status == 200
    assert (data / "run.json").stat().st_mode & 0o777 == 0o600
    second = start(data)
    refused, _ = second.communicate(timeout=20)
    assert (second.returncode, "running already" in refused) == (1, True)
    assert "Stopped." in stop(first)
    assert nothing_runs(data)
    assert not (data / "run.json").exists()

    again = start(data)
    assert "migrations" not in read_until(again, "Ctrl-C stops everything")
    reset_beside = start(data, "--reset")
    reset_beside.communicate(timeout=20)
    assert reset_beside.returncode == 1
    assert (data / "secret-key").exists(), "a running demo must not be erased"
    stop(again)


def test_when_one_part_ends_the_rest_is_ended_with_its_last_words(data: Path) -> None:
    demo = start(data)
    read_until(demo, "Ctrl-C stops everything")
    worker = next(
        p for p in marked(str(data)) if p.ppid() == demo.pid and "sleep" in p.cmdline()[2]
    )
    worker.kill()
    said, _ = demo.communicate(timeout=90)
    assert demo.returncode == 1
    assert "ended (signal SIGKILL). The end of its log:" in said
    assert nothing_runs(data)


def test_a_step_that_fails_is_told_and_nothing_is_left_running(data: Path) -> None:
    data.mkdir()
    for name in ("demo.lock", "fail"):
        (data / name).touch()
    demo = start(data)
    said, _ = demo.communicate(timeout=90)
    assert demo.returncode == 1
    assert "no such world" in said
    assert f"{data}/logs/seed.log" in said
    assert nothing_runs(data)


def test_a_first_start_that_was_interrupted_is_begun_anew(data: Path) -> None:
    data.mkdir()
    for name in ("demo.lock", "fail"):
        (data / name).touch()
    start(data).communicate(timeout=90)
    half = (data / "secret-key").read_text()
    (data / "fail").unlink()
    demo = start(data)
    assert "The first start was interrupted" in read_until(demo, "Ctrl-C stops everything")
    assert (data / "secret-key").read_text() != half
    stop(demo)
    again = start(data)
    assert "interrupted" not in read_until(again, "Ctrl-C stops everything")
    stop(again)


def test_sigterm_while_it_starts_leaves_nothing_behind(data: Path) -> None:
    demo = start(data)
    read_until(demo, "database and broker")
    demo.terminate()
    demo.communicate(timeout=90)
    assert demo.returncode == 0
    assert nothing_runs(data)


def test_after_kill_9_the_next_start_ends_what_was_left_and_reset_starts_over(data: Path) -> None:
    killed = start(data)
    read_until(killed, "Ctrl-C stops everything")
    left = marked(str(data))
    killed.kill()
    killed.communicate(timeout=10)
    assert len(left) == 4, "simulator, web, worker and beat outlive their supervisor"
    key = (data / "secret-key").read_text()

    demo = start(data, "--reset")
    read_until(demo, "Ctrl-C stops everything")
    assert still_running(left, within_seconds=5) == []
    assert (data / "secret-key").read_text() != key
    began = time.monotonic()
    stop(demo)
    assert time.monotonic() - began < 15
