"""`./headroom demo`: the whole portal on this machine, from the database to the schedule.

Starts what is needed in order, says what it does, prints the address, and ends everything when it
is stopped or when one part ends by itself.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from stack.embedded import Embedded, lock_for_demo
from stack.environment import base_environment, read_json, simulator_variables
from stack.paths import PROJECT, StackError, demo_folder
from stack.ports import ADDRESS, choose_port
from stack.processes import end, identity_of, marked, write_json
from stack.stamps import digest_of, is_stamped, migration_inputs, static_inputs
from stack.supervisor import Child, StopRequested, Supervisor

START_SECONDS = 90
FIRST_START = "first-start"  # there until the demo organisation is whole
MANAGE = [sys.executable, "manage.py"]
STATIC_ROOT = PROJECT / "var" / "static"
WORLD = PROJECT / "simulator" / "worlds" / "demo.json"
TRACES = PROJECT.parent / "shared" / "data" / "traces"


class Demo:
    """One run of the demo in `folder`."""

    def __init__(self, folder: Path, port: int | None) -> None:
        self.folder = folder
        self.embedded = Embedded(folder)
        self.supervisor = Supervisor(folder / "logs", mark=str(folder))
        self.port = choose_port(port)
        self.environment = base_environment()
        self.began = time.monotonic()

    @property
    def address(self) -> str:
        return f"http://{ADDRESS}:{self.port}"

    def start(self) -> None:
        """Everything up to the first page; raises `StackError` or `StopRequested`."""
        with self.step("database and broker"):
            simulator = self.begin_simulator()
            self.embedded.start()
            self.environment |= self.embedded.variables()
        static = self.begin_static_files()
        signins = self.supervisor.begin("signins", [*MANAGE, "demo_signins"], self.environment)
        with self.step("simulated Azure"):
            self.finish_simulator(simulator)
        self.migrate()
        with self.step("static files"):
            self.finish_static_files(static)
        commands = portal_commands(self.port, self.folder)
        self.supervisor.start("web", commands["web"], self.environment)
        with self.step("demo organisation"):
            self.seed()
        with self.step("web server"):
            self.wait_for_web()
        for name in ("worker", "beat"):
            self.supervisor.start(name, commands[name], self.environment)
        self.say_where(signins)

    def begin_simulator(self) -> Child:
        """Its old ready.json goes first, or we would read that of a run before."""
        state = self.folder / "simulator"
        (state / "ready.json").unlink(missing_ok=True)
        command = [sys.executable, "-m", "simulator", "--state", str(state)]
        command += ["--world", str(WORLD)] if WORLD.exists() else []
        command += ["--traces", str(TRACES)] if TRACES.exists() else []
        return self.supervisor.start("simulator", command, self.environment)

    def finish_simulator(self, simulator: Child) -> None:
        ready = self.folder / "simulator" / "ready.json"
        if not self.supervisor.wait_until(lambda: bool(read_json(ready)), seconds=START_SECONDS):
            raise StackError(f"The simulator is not ready after {START_SECONDS} s: {simulator.log}")
        self.environment |= simulator_variables(read_json(ready) or {})
        self.leave_note()

    def leave_note(self) -> None:
        """For ./headroom manage: who runs here, with which environment; only ours to read."""
        content = {
            **identity_of(os.getpid()),
            "address": self.address,
            "environment": self.environment,
        }
        write_json(self.folder / "run.json", content)

    def migrate(self) -> None:
        """Only if migrations changed since the last start: to find that out takes it seconds."""
        stamp, digest = self.folder / "migrated", digest_of(migration_inputs())
        if not stamp.exists():
            (self.folder / FIRST_START).touch()
        if not is_stamped(stamp, digest):
            with self.step("migrations"):
                command = [*MANAGE, "migrate", "-v1"]
                job = self.supervisor.begin("migrate", command, self.environment)
                self.supervisor.finish(job)
            stamp.write_text(digest)

    def seed(self) -> None:
        """At every start: time has passed, and what is there already is left alone."""
        self.supervisor.run("seed", [*MANAGE, "seed_demo"], self.environment, show=say)
        (self.folder / FIRST_START).unlink(missing_ok=True)

    def begin_static_files(self) -> Child | None:
        """In the background: compressing takes as long as all the rest of a first start."""
        if is_stamped(STATIC_ROOT / ".made-from", digest_of(static_inputs())):
            return None
        command = [*MANAGE, "collectstatic", "--noinput", "-v0"]
        return self.supervisor.begin("collectstatic", command, self.environment)

    def finish_static_files(self, job: Child | None) -> None:
        if job:
            self.supervisor.finish(job)
            (STATIC_ROOT / ".made-from").write_text(digest_of(static_inputs()))

    def wait_for_web(self) -> None:
        """Another program that answers on the port is told by that our own has ended then."""
        if not self.supervisor.wait_until(self.answers, seconds=START_SECONDS):
            log = self.folder / "logs" / "web.log"
            raise StackError(f"{self.address} does not answer after {START_SECONDS} s: {log}")

    def answers(self) -> bool:
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with suppress(OSError), direct.open(f"{self.address}/livez", timeout=2) as page:
            return bool(page.status == 200)
        return False

    def say_where(self, signins: Child) -> None:
        say(f"\nReady after {time.monotonic() - self.began:.1f} s:  {self.address}\n")
        with suppress(StackError):  # the address alone will do
            self.supervisor.finish(signins)
            say(signins.log.read_text())
        say(f"Ctrl-C stops everything; the data stays in {self.folder}")

    def watch(self) -> NoReturn:
        """Until a signal, or until something ends: always leaves by an exception."""
        while True:
            self.supervisor.pause(0.5)
            if not self.embedded.is_alive():
                raise StackError(
                    f"The database or the broker ended. Their logs: {self.embedded.postgres.log}, "
                    f"{self.embedded.valkey.log}"
                )

    def stop(self) -> None:
        self.supervisor.stop()
        self.embedded.stop()
        (self.folder / "run.json").unlink(missing_ok=True)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        began = time.monotonic()
        yield
        say(f"  {name:<24}{time.monotonic() - began:6.1f} s")


def portal_commands(port: int, folder: Path) -> dict[str, list[str]]:
    """The same programs as in docker-compose.yml, on this machine."""
    gunicorn = ["gunicorn", "portal.wsgi", "--bind", f"{ADDRESS}:{port}", "--no-control-socket"]
    # Loaded once and then forked: half the start and less memory.
    gunicorn += ["--preload", "--worker-class", "gthread", "--workers", "2", "--threads", "4"]
    worker = ["celery", "-A", "portal", "worker", "-c", "2", "-l", "info"]
    worker += ["--without-mingle", "--without-gossip"]
    beat = ["celery", "-A", "portal", "beat", "-l", "info", "--schedule", str(folder / "beat")]
    commands = {"web": gunicorn, "worker": worker, "beat": beat}
    return {name: [sys.executable, "-m", *command] for name, command in commands.items()}


def say(line: str) -> None:
    """A closed terminal must not keep us from stopping in order."""
    with suppress(OSError):
        print(line, flush=True)


def run(folder: Path, port: int | None, *, reset: bool) -> int:
    """Answers the exit code: 0 when it was stopped, 1 with a sentence when it failed."""
    with lock_for_demo(folder):
        if reset or (folder / FIRST_START).exists():
            Embedded(folder).erase()
            say(f"Erased {folder}." if reset else "The first start was interrupted: starting over.")
        left = end(marked(str(folder)), grace_seconds=10)
        if left:
            say(f"Ended {left} processes that an earlier run left behind.")
        demo = Demo(folder, port)
        demo.supervisor.listen_for_stop()
        say("Starting the demo (Ctrl-C stops it).")
        try:
            demo.start()
            demo.watch()
        except StopRequested:
            say("\nStopping …")
            code = 0
        except StackError as failure:
            say(f"\n{failure}\n\nStopping the rest …")
            code = 1
        finally:
            demo.stop()
        say(
            "Stopped." if code == 0 else "Stopped. ./headroom demo starts again with the same data."
        )
        return code


def main() -> int:
    parser = argparse.ArgumentParser(prog="./headroom demo", description=__doc__)
    parser.add_argument("--reset", action="store_true", help="delete the demo's data first")
    parser.add_argument("--port", type=int, help="for the web server (default: 8000 or a free one)")
    options = parser.parse_args()
    try:
        return run(demo_folder(), options.port, reset=options.reset)
    except StackError as sentence:
        say(f"headroom: {sentence}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
