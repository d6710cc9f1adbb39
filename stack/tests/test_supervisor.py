"""Children are watched, ended together, and found again after a kill -9 of their supervisor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from stack.paths import PROJECT, StackError
from stack.processes import end, marked, still_running
from stack.supervisor import StopRequested, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
FAIL = [sys.executable, "-c", "print('first line'); print('no such table'); raise SystemExit(3)"]
# A worker with a child of its own that ignores every polite request.
STUBBORN = """
import signal, subprocess, sys, time
for number in (signal.SIGTERM, signal.SIGQUIT):
    signal.signal(number, signal.SIG_IGN)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("up", flush=True)
time.sleep(60)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path / "logs", mark=str(tmp_path))
    yield made
    made.stop_signals = 2  # do not wait for children that a failed test left
    made.stop()
    end(marked(str(tmp_path)), grace_seconds=0)


def test_children_run_until_they_are_stopped(supervisor: Supervisor) -> None:
    children = [supervisor.start(name, SLEEP, os.environ) for name in ("simulator", "web", "beat")]
    supervisor.pause(0.05)
    assert [child.process.poll() for child in children] == [None, None, None]
    supervisor.stop()
    assert [child.process.poll() for child in children] == [-signal.SIGTERM] * 3


def test_a_child_that_ends_by_itself_is_told_with_the_end_of_its_log(
    supervisor: Supervisor,
) -> None:
    supervisor.start("simulator", SLEEP, os.environ)
    supervisor.start("worker", FAIL, os.environ)
    with pytest.raises(StackError) as told:
        supervisor.wait_until(lambda: False, seconds=20)
    assert "worker ended (exit code 3)" in str(told.value)
    assert "no such table" in str(told.value)
    assert str(supervisor.logs / "worker.log") in str(told.value)


def test_a_child_killed_by_a_signal_is_told_so(supervisor: Supervisor) -> None:
    child = supervisor.start("beat", SLEEP, os.environ)
    child.process.kill()
    with pytest.raises(StackError, match=r"beat ended \(signal SIGKILL\)"):
        supervisor.wait_until(lambda: False, seconds=20)


def test_a_step_that_fails_is_told_and_its_lines_are_passed_on(supervisor: Supervisor) -> None:
    shown: list[str] = []
    with pytest.raises(StackError, match=r"exit code 3"):
        supervisor.run("seed", FAIL, os.environ, shown.append)
    assert shown == ["first line", "no such table"]


def test_a_stop_ends_the_step_that_is_running(supervisor: Supervisor) -> None:
    job = supervisor.begin("migrate", SLEEP, os.environ)
    supervisor.stop_signals = 1
    with pytest.raises(StopRequested):
        supervisor.finish(job)
    supervisor.stop()
    assert job.process.poll() is not None


def test_a_second_ctrl_c_ends_even_the_stubborn_and_their_children(supervisor: Supervisor) -> None:
    child = supervisor.start("worker", [sys.executable, "-c", STUBBORN], os.environ)
    assert supervisor.wait_until(lambda: "up" in child.log.read_text(), seconds=20)
    grandchildren = psutil.Process(child.process.pid).children()
    supervisor.stop_signals = 2
    began = time.monotonic()
    supervisor.stop()
    alive = still_running(grandchildren, within_seconds=5)
    assert child.process.poll() == -signal.SIGKILL
    assert (alive, len(grandchildren)) == ([], 1)
    assert time.monotonic() - began < 5


def test_the_log_of_the_run_before_is_kept_once(supervisor: Supervisor) -> None:
    for text in ("one", "two", "three"):
        supervisor.finish(supervisor.begin("seed", ["/bin/echo", text], os.environ))
    assert (supervisor.logs / "seed.log").read_text() == "three\n"
    assert (supervisor.logs / "seed.log.1").read_text() == "two\n"


def test_what_a_killed_supervisor_left_is_found_and_ended(tmp_path: Path) -> None:
    """And only that: the children of a supervisor of another folder stay."""
    script = (
        "import os, sys, time; from pathlib import Path; from stack.supervisor import Supervisor\n"
        "made = Supervisor(Path(sys.argv[1]) / 'logs', mark=sys.argv[1])\n"
        f"for name in ('web', 'worker'): made.start(name, {SLEEP!r}, os.environ)\n"
        "print('up', flush=True); time.sleep(60)\n"
    )
    folders = [tmp_path / "killed", tmp_path / "other"]
    supervisors = [
        subprocess.Popen(
            [sys.executable, "-c", script, folder], stdout=subprocess.PIPE, cwd=PROJECT
        )
        for folder in folders
    ]
    try:
        for process in supervisors:
            assert process.stdout
            assert process.stdout.readline() == b"up\n"
        supervisors[0].kill()
        assert end(marked(str(folders[0])), grace_seconds=5) == 2
        assert marked(str(folders[0])) == []
        assert len(marked(str(folders[1]))) == 2
    finally:
        for process in supervisors:
            process.kill()
            process.wait()
        end(marked(str(folders[1])), grace_seconds=5)
