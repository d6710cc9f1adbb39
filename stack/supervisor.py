"""Starts programs, watches them, and ends them together.

If one of them ends by itself the rest are ended too, with the last lines of its log: a portal
without its worker would look alive and do nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from stack.paths import PROJECT, StackError, last_lines
from stack.processes import MARKER

LOG_LINES_SHOWN = 12
# A Celery worker ends its tasks on the first, hands them back on the second, and loses the third.
ESCALATION = ((signal.SIGTERM, 10.0), (signal.SIGQUIT, 4.0), (signal.SIGKILL, 4.0))


class StopRequested(Exception):
    """Ctrl-C, a closed terminal or SIGTERM: not an error."""


@dataclass(frozen=True)
class Child:
    name: str
    process: subprocess.Popen[bytes]
    log: Path


class Supervisor:
    """The children of one demo; `mark` in their environment is how they are found if we die."""

    def __init__(self, logs: Path, *, mark: str) -> None:
        self.logs = logs
        self.mark = mark
        self.children: list[Child] = []  # run until they are stopped
        self.jobs: list[Child] = []  # end by themselves
        self.stop_signals = 0
        logs.mkdir(parents=True, exist_ok=True)

    def listen_for_stop(self) -> None:
        """To be called before the first child: a signal during the start must find us ready."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._note_stop)

    def _note_stop(self, _number: int, _frame: FrameType | None) -> None:
        self.stop_signals += 1

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a program that is to run until `stop()`; its output goes to its log."""
        child = self._launch(name, command, environment)
        self.children.append(child)
        return child

    def begin(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        """Start a program that ends by itself; `finish()` waits for that."""
        job = self._launch(name, command, environment)
        self.jobs.append(job)
        return job

    def finish(self, job: Child) -> None:
        """Wait for a begun program; raises `StackError` if it failed."""
        self.wait_until(lambda: job.process.poll() is not None, seconds=None)
        if job.process.returncode:
            raise StackError(self.obituary(job))

    def run(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        show: Callable[[str], None],
    ) -> None:
        """Run a program to its end and pass its lines on as they come."""
        job, seen = self.begin(name, command, environment), 0
        while job.process.poll() is None:
            seen = self._pass_on(job.log, seen, show)
            self.pause(0.1)
        self._pass_on(job.log, seen, show)
        if job.process.returncode:
            raise StackError(self.obituary(job, lines=0))

    @staticmethod
    def _pass_on(log: Path, seen: int, show: Callable[[str], None]) -> int:
        """Show the whole lines after byte `seen`; answers where the next call should begin."""
        new = log.read_bytes()[seen:]
        whole = new[: new.rfind(b"\n") + 1]
        for line in whole.decode(errors="replace").splitlines():
            show(line)
        return seen + len(whole)

    def wait_until(self, done: Callable[[], bool], *, seconds: float | None) -> bool:
        """Wait, watching children and signals; answers whether it was done in time."""
        give_up = None if seconds is None else time.monotonic() + seconds
        while not done():
            if give_up is not None and time.monotonic() > give_up:
                return False
            self.pause(0.05)
        return True

    def pause(self, seconds: float) -> None:
        """Sleep; raises `StopRequested` after a signal, `StackError` if a child has ended."""
        time.sleep(seconds)
        if self.stop_signals:
            raise StopRequested
        for child in self.children:
            if child.process.poll() is not None:
                raise StackError(self.obituary(child))

    def obituary(self, child: Child, *, lines: int = LOG_LINES_SHOWN) -> str:
        """How it ended, and the end of its log (`lines` of it; 0 where they were shown already)."""
        code = child.process.returncode
        how = f"exit code {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
        head = f"{child.name} ended ({how})."
        if lines:
            last = [f"    {line}" for line in last_lines(child.log, lines)]
            head = "\n".join([f"{head} The end of its log:", *last])
        return f"{head}\nThe whole log: {child.log}"

    def stop(self) -> None:
        """End the children: those started last first, so that nothing serves without its support.

        The web server, worker and schedule do not lean on each other and are ended together.
        """
        self._end([job for job in self.jobs if job.process.poll() is None])
        while self.children:
            last = [self.children.pop()]
            while self.children and self.children[-1].name in {"web", "worker", "beat"}:
                last.append(self.children.pop())
            self._end(last)

    def _end(self, children: Sequence[Child]) -> None:
        """Ask politely, then less so. A second Ctrl-C skips the waiting."""
        for number, grace_seconds in ESCALATION:
            for child in children:
                self._signal(child, number)
            give_up = time.monotonic() + grace_seconds
            while any(child.process.poll() is None for child in children):
                impatient = self.stop_signals > 1 and number != signal.SIGKILL
                if time.monotonic() > give_up or impatient:
                    break
                time.sleep(0.02)
        for child in children:  # grandchildren that outlived their parent
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, signal.SIGKILL)

    @staticmethod
    def _signal(child: Child, number: signal.Signals) -> None:
        if child.process.poll() is None:
            with suppress(ProcessLookupError):
                child.process.send_signal(number)

    def _launch(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Child:
        log = self.logs / f"{name}.log"
        if log.exists():
            log.replace(log.with_suffix(".log.1"))
        with open(log, "wb") as output:
            process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**environment, MARKER: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # else Ctrl-C reaches it as well as us, and it ends twice
            )
        return Child(name, process, log)
