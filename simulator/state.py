"""The living part of the simulated Azure, kept in the state folder.

``state.json`` is rewritten atomically and flushed to disk at every change, so a kill -9 loses
nothing that was answered. The request log and the faults are a test's own and live in memory.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import orjson

from simulator.clock import Clock, parse_time
from simulator.faults import Faults
from simulator.knobs import Knobs
from simulator.lifecycle import Lifecycles
from simulator.lowered_limits import LoweredLimits
from simulator.operations import Operations
from simulator.product_policies import ProductPolicies
from simulator.quota import Quota
from simulator.quota_tiers import QuotaTiers
from simulator.request_log import RequestLog
from simulator.resources import Resources
from simulator.service_capacity import ServiceCapacity
from simulator.throttling import Throttle
from simulator.traffic import Served
from simulator.world import Account, Deployment, PoolKey, World
from simulator.world_file import read_world

_FILE = "state.json"
_TRACES = "traces"
RESET_PARTS = ("world", "clock", "knobs", "faults", "log")


class State:
    """World, clock, capacities, quota, knobs, faults and the request log."""

    def __init__(self, folder: Path, stored: dict[str, Any], reset_clock: Clock) -> None:
        self._folder, self._stored, self._reset_clock = folder, stored, reset_clock
        self._lock = threading.Lock()
        self.throttle = Throttle()
        self.faults, self.log = Faults(), RequestLog()
        self.busy_accounts: set[str] = set()
        self._apply(stored)

    @property
    def world(self) -> World:
        """The present: accounts and deployments as they are now."""
        return self.resources.world

    @property
    def quota(self) -> Quota:
        """The pools, with all that is due by the clock in force."""
        self._settle()
        return self._quota

    @property
    def tiers(self) -> QuotaTiers:
        """The quota tiers, with all upgrades that are due carried out."""
        self._settle()
        return self._tiers

    def _settle(self) -> None:
        at = self.clock.now()
        late_limits = self._quota.settle(at)
        if self._tiers.settle(at, self._quota) or late_limits:
            self.save()

    @property
    def traces(self) -> Path:
        """The folder of the trace files this world plays."""
        return self._folder / _TRACES

    def _apply(self, stored: dict[str, Any]) -> None:
        self.clock = Clock.from_json(stored["clock"])
        self.knobs = Knobs.from_json(stored.get("knobs", {}))
        loaded = read_world(
            stored["world"], parse_time(stored["loaded_at"]), trace_finder(self.traces)
        )
        self.lifecycles = Lifecycles(loaded.plans, stored.get("retirements", []))
        self.resources = Resources(loaded, stored.get("resources", {}), stored.get("history", {}))
        self.operations = Operations(stored.get("operations", {}))
        self._tiers = QuotaTiers(loaded, stored.get("tiers"))
        self._quota = Quota(loaded, self._holdings, self._tiers.known_limit, stored)
        self.service_capacity = ServiceCapacity(
            loaded, self.units_held, stored.get("service_capacity")
        )
        self.product_policies = ProductPolicies(loaded.gateways, stored.get("product_policies"))
        self.lowered_limits = LoweredLimits(stored.get("lowered_limits"))
        self.served = Served(self.resources, self.traces, self.lowered_limits)

    def account(self, account_id: str) -> Account | None:
        """The account of an ARM id, compared without case."""
        return self.resources.account(account_id)

    def deployment(self, account: str, name: str) -> Deployment | None:
        """The deployment of an account, compared without case."""
        return self.resources.deployment(account, name)

    def deployments_ever(self, account: Account) -> tuple[Deployment, ...]:
        """What the account has and had, a deleted one with a capacity of 0 since its deletion.

        A deployment whose model version changed is there twice, each time with its own stretch.
        """
        return self.resources.ever(account.name)

    def account_of(self, deployment: Deployment) -> Account:
        """The account a deployment is in."""
        return self.resources.account_of(deployment)

    def capacity(self, deployment: Deployment) -> int:
        """Units now."""
        return self.resources.capacity(deployment)

    def units_held(self) -> list[tuple[Deployment, int]]:
        """All that hold quota now and their units, deployments of deleted accounts too.

        A running operation holds what it asks for beyond what is in force.
        """
        held = list(self.resources.held(self.clock.now()))
        for each, units in self.operations.wanted():
            old = self.deployment(each.account, each.name)
            in_force = self.capacity(old) if old is not None and old.pool == each.pool else 0
            held.append((each, max(units - in_force, 0)))
        return held

    def _holdings(self) -> Iterable[tuple[PoolKey, int]]:
        """Regional key and units of everything that counts against quota now."""
        return ((each.pool, units) for each, units in self.units_held())

    def reset(self, parts: frozenset[str] = frozenset(RESET_PARTS)) -> None:
        """Back to the world as first loaded, or those ``parts`` of it. The rest stays."""
        if "faults" in parts:
            self.faults.clear()
        if "log" in parts:
            self.log.clear()
        if "clock" in parts:
            self.clock = Clock.from_json(self._reset_clock.as_json())
        if "knobs" in parts:
            self.knobs = Knobs()
            self.throttle.clear()
        if "world" in parts:
            self.busy_accounts.clear()
            # Whatever has changed in the world is stored under names that are left out here.
            self._apply(
                {
                    "loaded_at": self._stored["loaded_at"],
                    "world": self._stored["world"],
                    "clock": self.clock.as_json(),
                    "knobs": self.knobs.as_json(),
                }
            )
        self.save()

    def save(self) -> None:
        """Write everything that must survive."""
        with self._lock:
            self._stored = {
                "loaded_at": self._stored["loaded_at"],
                "world": self._stored["world"],
                "clock": self.clock.as_json(),
                "knobs": self.knobs.as_json(),
                **self._quota.as_json(),
                "tiers": self._tiers.as_json(),
                "service_capacity": self.service_capacity.as_json(),
                "retirements": self.lifecycles.as_json(),
                "history": {
                    key: [[None if at == float("-inf") else at, units] for at, units in one.steps]
                    for key, one in self.resources.history.items()
                },
                "resources": self.resources.as_json(),
                "operations": self.operations.as_json(),
                "product_policies": self.product_policies.as_json(),
                "lowered_limits": self.lowered_limits.as_json(),
            }
            write_atomically(self._folder / _FILE, orjson.dumps(self._stored))


def trace_finder(folder: Path) -> Callable[[str], bool]:
    """Says whether a trace file of that bare name lies in ``folder``."""
    return lambda name: bool(name) and Path(name).name == name and (folder / name).is_file()


def write_atomically(path: Path, content: str | bytes) -> None:
    """All or nothing, also when the machine stops: a new file, flushed, then renamed."""
    new = path.with_suffix(path.suffix + ".new")
    with new.open("wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def stored_state(folder: Path) -> dict[str, Any] | None:
    """What an earlier run left, or None."""
    path = folder / _FILE
    stored: dict[str, Any] | None = json.loads(path.read_text()) if path.is_file() else None
    return stored


def keep_trace(folder: Path, source: Path) -> None:
    """Copy a trace into the state folder, so that a restart replays the same one."""
    (folder / _TRACES).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, folder / _TRACES / source.name)
