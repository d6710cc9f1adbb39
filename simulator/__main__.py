"""``python -m simulator``: reads the arguments, loads the world, serves."""

from __future__ import annotations

import argparse
import fcntl
import json
import logging
import sys
from pathlib import Path
from typing import Any, TextIO

from simulator.clock import Clock, iso
from simulator.command_line import arguments
from simulator.server import ListenError, bind, run
from simulator.state import State, keep_trace, stored_state, trace_finder
from simulator.traces import TraceError, load_trace
from simulator.world_checks import WorldError
from simulator.world_file import read_world, resolve_times

_SMALL_WORLD = Path(__file__).with_name("small_world.json")


class StartError(Exception):
    """The simulator cannot start; the message is a sentence for a person."""


def main(argv: list[str] | None = None) -> int:
    """Exit code 0 after a clean stop, 2 with a sentence when it cannot start."""
    options = arguments().parse_args(argv)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    try:
        options.state.mkdir(parents=True, exist_ok=True)
        with _only_one(options.state):
            state = load_state(options)
            listeners = bind(
                options.state, options.port, options.token_port, options.proxy_port,
                host=options.host, name=options.name,
            )  # fmt: skip
            run(state, options.state, listeners, options.keep_alive_seconds)
    except (StartError, WorldError, TraceError, ListenError) as problem:
        print(f"The simulator did not start. {problem}", file=sys.stderr)
        return 2
    return 0


def _only_one(folder: Path) -> TextIO:
    """Two in one folder would overwrite each other. The kernel frees the lock of a dead one."""
    guard = (folder / "lock").open("w")
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        guard.close()
        raise StartError(f"Another simulator is running in {folder}.") from None
    return guard


def load_state(options: argparse.Namespace) -> State:
    """The stored world of the folder, or, the first time, that of the arguments."""
    try:
        reset_clock = Clock.from_argument(options.clock)
    except ValueError as problem:
        raise StartError(f"--clock: {problem}") from None
    try:
        stored = stored_state(options.state) or _first_load(options, reset_clock)
    except json.JSONDecodeError:
        raise StartError(f"{options.state}/state.json is damaged; remove the folder.") from None
    if options.trace is not None:
        _put_trace(stored, options)
    state = State(options.state, stored, reset_clock)
    state.save()
    return state


def _first_load(options: argparse.Namespace, clock: Clock) -> dict[str, Any]:
    now = clock.now()
    raw = resolve_times(_read_json(options.world or _SMALL_WORLD), now)
    for file in _trace_files(raw):
        if options.traces is not None and trace_finder(options.traces)(file):
            load_trace(options.traces / file)
            keep_trace(options.state, options.traces / file)
    read_world(raw, now, trace_finder(options.state / "traces"))
    return {"loaded_at": iso(now), "world": raw, "clock": clock.as_json()}


def _read_json(path: Path) -> dict[str, Any]:
    try:
        raw = json.loads(path.read_text())
    except OSError as problem:
        raise StartError(f"--world: {path} cannot be read: {problem.strerror}.") from None
    except json.JSONDecodeError as problem:
        raise StartError(f"--world: {path} is not JSON: {problem}.") from None
    if not isinstance(raw, dict):
        raise StartError(f"--world: {path} does not hold a JSON object.")
    return raw


def _trace_files(raw: dict[str, Any]) -> set[str]:
    return {
        str(deployment["traffic"].get("file"))
        for account in raw.get("accounts", [])
        for deployment in account.get("deployments", [])
        if deployment.get("traffic", {}).get("kind") == "trace"
    }


def _put_trace(stored: dict[str, Any], options: argparse.Namespace) -> None:
    """``--trace``: the named deployment plays that file once, exactly, and nothing else."""
    if not options.trace_deployment or not options.trace_start:
        raise StartError("--trace needs --trace-deployment and --trace-start.")
    if not options.trace.is_file():
        raise StartError(f"--trace: there is no file {options.trace}.")
    load_trace(options.trace)
    keep_trace(options.state, options.trace)
    for account in stored["world"].get("accounts", []):
        for deployment in account.get("deployments", []):
            name = f"{account['name']}/{deployment['name']}"
            if name.lower() == options.trace_deployment.lower():
                deployment["traffic"] = {
                    "kind": "trace",
                    "file": options.trace.name,
                    "start": options.trace_start,
                }
                return
    raise StartError(f"--trace-deployment: there is no {options.trace_deployment} in this world.")


if __name__ == "__main__":
    sys.exit(main())
