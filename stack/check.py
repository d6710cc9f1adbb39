"""`./headroom check`: everything about the code that can be told without running it.

All checks run, two at a time, whatever the others say; the exit code is 1 if any fails. With
`--with-tests` (that is `./headroom test`) the tests follow.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stack import locks
from stack.paths import PROJECT

PYTHON = sys.executable
LINT_IMPORTS = "from importlinter.cli import lint_imports_command; lint_imports_command()"

# Nothing is connected to: these checks only read settings and models.
TEST = {"HEADROOM_MODE": "test", "DATABASE_URL": "postgresql://nobody@/none?host=/nonexistent"}
PRODUCTION = {
    "HEADROOM_MODE": "production",
    "HEADROOM_SECRET_KEY": "f6Zr8kQw2LtYp9Bv4XnH7sJd3McGa5Ue1RoTiWyKzN0qVhEx-7pUm4sD",
    "HEADROOM_ALLOWED_HOSTS": "headroom.example.com",
    "HEADROOM_SUBSCRIPTIONS": "00000000-0000-0000-0000-000000000001",
    "DATABASE_URL": "postgresql://headroom:secret@db.example.com:5432/headroom",
    "REDIS_URL": "rediss://redis.example.com:6380",
}


@dataclass(frozen=True)
class Result:
    name: str
    passed: bool
    seconds: float
    output: str

    def line(self) -> str:
        return f"  {'ok  ' if self.passed else 'FAIL'}  {self.name:<28}{self.seconds:6.1f} s"


def program(
    name: str, *command: str, environment: Mapping[str, str] = TEST
) -> Callable[[], Result]:
    """A check that passes when the program answers 0."""

    def run() -> Result:
        began = time.monotonic()
        done = subprocess.run(
            [PYTHON, *command],
            cwd=PROJECT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        return Result(name, done.returncode == 0, time.monotonic() - began, done.stdout)

    return run


def locked_packages() -> Result:
    began = time.monotonic()
    problems = locks.check()
    return Result("locks", not problems, time.monotonic() - began, "\n".join(problems))


# The slow ones first, so that the short ones fill the gaps.
CHECKS: tuple[Callable[[], Result], ...] = (
    program("types (mypy)", "-m", "mypy"),
    program("import rules", "-c", LINT_IMPORTS, "--no-logo"),
    program(
        "migrations are made",
        # It warns that it cannot ask a database which migrations were applied; it need not.
        *("-W", "ignore::RuntimeWarning", "manage.py", "makemigrations", "--check", "--dry-run"),
    ),
    program(
        "settings for production",
        *("manage.py", "check", "--deploy", "--fail-level", "WARNING"),
        environment=PRODUCTION,
    ),
    program("templates (djlint)", "-m", "djlint", "--lint", "--quiet", "templates"),
    program("lint (ruff)", "-m", "ruff", "check", "--quiet", "."),
    program("layout (ruff format)", "-m", "ruff", "format", "--check", "--quiet", "."),
    locked_packages,
)


# One worker a core; a file stays with one worker, so that what it starts is started once. In the
# order of conftest.py: xdist's own, by the number of tests, ends with files of one long test.
PARALLEL = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")


def run_all(checks: Iterable[Callable[[], Result]]) -> list[Result]:
    """Run them two at a time; prints a line for each, and what a failed one said."""
    results = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for result in pool.map(lambda check: check(), checks):
            print(result.line(), flush=True)
            if not result.passed:
                print(result.output.rstrip(), flush=True)
            results.append(result)
    return results


def main(arguments: list[str]) -> int:
    failed = [result.name for result in run_all(CHECKS) if not result.passed]
    tests = 0
    if "--with-tests" in arguments:
        tests = subprocess.call([PYTHON, "-m", "pytest", *PARALLEL], cwd=PROJECT)
    if failed:
        print(f"Checks that failed: {', '.join(failed)}")
    return 1 if failed or tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
