"""Which accounts and deployments there are now, and which there have been.

A deployment's past is never forgotten, since its traffic stays in the metrics. What is kept are
*generations*: stretches of a deployment's life in which the same rules served its requests (model,
SKU, spill-over target, traffic). A change of a rule ends one generation and begins the next, a
deletion ends one; an ended generation has a capacity of 0 from then on. Tags, policies and
capacity change within a generation.

A deleted account holds its quota for 48 hours unless it is purged, as Azure's does when it is
deleted through the API; until then it can be restored with all its deployments.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from simulator.capacity import CapacityHistory, Step
from simulator.clock import iso, parse_time
from simulator.resources_file import read_row, row_of
from simulator.world import Account, Deployment, Traffic, World

QUOTA_KEPT = timedelta(hours=48)
_RULES = ("name", "model", "sku", "spillover_deployment_name", "traffic")


@dataclass(frozen=True)
class DeletedAccount:
    """An account deleted ``at``, and the units its deployments had, by uid."""

    account: Account
    at: datetime
    units: dict[str, int]


class Resources:
    """The present world and the generations behind it. All times are aware UTC."""

    def __init__(self, world: World, stored: dict[str, Any], history: dict[str, Any]) -> None:
        self._loaded = world
        self._originals = {each.uid: each for each in world.deployments}
        self._ever = dict(self._originals)
        for row in stored.get("deployments", []):
            read = read_row(row, self._originals)
            self._ever[read.uid] = read
        self._ended = set(stored.get("ended", []))
        self._edits: dict[str, dict[str, Any]] = stored.get("account_edits", {})
        self._purged = set(stored.get("purged", []))
        self.history = {
            uid: CapacityHistory(list(each.capacity_steps)) for uid, each in self._ever.items()
        }
        for uid, steps in history.items():
            self.history[uid] = CapacityHistory([(at, units) for at, units in steps])
        self._deleted = {
            row["id"]: DeletedAccount(
                self._account_with(row["id"], tuple(row["units"])),
                parse_time(row["at"]),
                row["units"],
            )
            for row in stored.get("deleted_accounts", [])
        }
        self._rebuild()

    def as_json(self) -> dict[str, Any]:
        """What differs from the world as loaded; the constructor takes it as ``stored``."""
        return {
            "deployments": [
                row_of(each, self._originals)
                for uid, each in self._ever.items()
                if each != self._originals.get(uid)
            ],
            "ended": sorted(self._ended),
            "account_edits": self._edits,
            "purged": sorted(self._purged),
            "deleted_accounts": [
                {"id": key, "at": iso(each.at), "units": each.units}
                for key, each in self._deleted.items()
            ],
        }

    def account(self, account_id: str) -> Account | None:
        """The living account of an ARM id, compared without case."""
        return self._accounts.get(account_id.lower())

    def account_of(self, deployment: Deployment) -> Account:
        """The account a deployment is in. Raises KeyError when it is gone."""
        return self._accounts_by_name[deployment.account.lower()]

    def deployment(self, account: str, name: str) -> Deployment | None:
        """The living deployment of an account, compared without case."""
        return self._living.get(f"{account}/{name}".lower())

    def ever(self, account: str) -> tuple[Deployment, ...]:
        """Every generation an account of that name has had, oldest first, also deleted ones."""
        return self._by_account.get(account.lower(), ())

    def has_group(self, subscription: str, group: str) -> bool:
        """Whether the world was loaded with an account in that resource group; it stays."""
        wanted = (subscription.lower(), group.lower())
        return wanted in {
            (each.subscription.lower(), each.resource_group.lower())
            for each in self._loaded.accounts
        }

    def spillers(self, key: str) -> tuple[Deployment, ...]:
        """Every generation that spills, or spilled, onto the deployment of that key."""
        return self._spillers.get(key, ())

    def last_traffic(self, account: str, name: str) -> Traffic | None:
        """What callers last wanted of a deployment of that name; they don't know it is gone."""
        key = f"{account}/{name}".lower()
        found = [each.traffic for each in self.ever(account) if each.key == key]
        return found[-1] if found else None

    def capacity(self, deployment: Deployment) -> int:
        """Units in force now."""
        return self.history[deployment.uid].current

    def steps(self, deployment: Deployment) -> list[Step]:
        """Capacities over time of all generations of its key; a change of rules is no gap."""
        mine = [each for each in self.ever(deployment.account) if each.key == deployment.key]
        steps = [step for each in mine for step in self.history[each.uid].steps]
        return [
            step
            for step, later in pairwise([*steps, (math.inf, 0)])
            if step[0] != later[0] or step[1]
        ]

    def held(self, at: datetime) -> Iterator[tuple[Deployment, int]]:
        """(deployment, units) for all that hold quota at ``at``, deleted accounts too."""
        for each in self.world.deployments:
            yield each, self.capacity(each)
        for gone in self.deleted(at):
            for uid, units in gone.units.items():
                yield self._ever[uid], units

    def deleted(self, at: datetime) -> list[DeletedAccount]:
        """Accounts deleted less than 48 hours before ``at`` and not purged."""
        return [each for each in self._deleted.values() if each.at + QUOTA_KEPT > at]

    def add(self, deployment: Deployment, units: int, at: datetime) -> Deployment:
        """A new deployment, in force from ``at``; one of its name must not be living."""
        new = replace(
            deployment,
            generation=self._next_generation(deployment.key),
            capacity_steps=(),
            created_at=at,
            changed_at=at,
        )
        self._begin(new, units, at)
        self._rebuild()
        return new

    def change(
        self, deployment: Deployment, at: datetime, *, units: int | None = None, **fields: Any
    ) -> Deployment:
        """The living deployment with these fields and units from ``at`` on, and a new revision."""
        old = self._living[deployment.key]
        in_force = self.capacity(old) if units is None else units
        new = replace(old, **fields, revision=old.revision + 1, changed_at=at)
        if any(getattr(new, rule) != getattr(old, rule) for rule in _RULES):
            self._end(old, at)
            generation = self._next_generation(new.key)
            new = replace(new, generation=generation, capacity_steps=())
            self._begin(new, in_force, at)
        else:
            self._ever[new.uid] = new
            if in_force != self.capacity(old):
                self.history[new.uid].write(at.timestamp(), in_force)
        self._rebuild()
        return new

    def delete(self, deployment: Deployment, at: datetime) -> None:
        """It serves nothing from ``at`` on; its past stays."""
        self._end(self._living[deployment.key], at)
        self._rebuild()

    def change_account(self, account: Account, at: datetime, **fields: Any) -> Account:
        """The account with these fields from ``at`` on, and a new revision."""
        edits = self._edits.setdefault(account.id.lower(), {})
        edits |= fields | {"revision": account.revision + 1, "changed_at": iso(at)}
        self._rebuild()
        return self._accounts[account.id.lower()]

    def _edited(self, account: Account) -> Account:
        edits = self._edits.get(account.id.lower())
        if not edits:
            return account
        return replace(account, **(edits | {"changed_at": parse_time(edits["changed_at"])}))

    def delete_account(self, account: Account, at: datetime) -> None:
        """The account with its deployments, restorable and holding its quota for 48 hours."""
        units = {each.uid: self.capacity(each) for each in account.deployments}
        for each in account.deployments:
            self._end(each, at)
        self._deleted[account.id.lower()] = DeletedAccount(account, at, units)
        self._rebuild()

    def restore_account(self, gone: DeletedAccount, at: datetime) -> None:
        """The account is back with its deployments at the capacities they had."""
        del self._deleted[gone.account.id.lower()]
        for uid, units in gone.units.items():
            old = self._ever[uid]
            generation, revision = self._next_generation(old.key), old.revision + 1
            new = replace(old, generation=generation, revision=revision, capacity_steps=())
            self._begin(new, units, at)
        self._rebuild()

    def purge_account(self, gone: DeletedAccount) -> None:
        """Gone for good; its quota is free."""
        del self._deleted[gone.account.id.lower()]
        self._purged.add(gone.account.id.lower())
        self._rebuild()

    def _begin(self, new: Deployment, units: int, at: datetime) -> None:
        self.history[new.uid] = CapacityHistory([(at.timestamp(), units)])
        self._ever[new.uid] = new

    def _end(self, old: Deployment, at: datetime) -> None:
        self.history[old.uid].write(at.timestamp(), 0)
        self._ended.add(old.uid)

    def _next_generation(self, key: str) -> int:
        return sum(each.key == key for each in self._ever.values())

    def _account_with(self, account_id: str, uids: tuple[str, ...]) -> Account:
        found = next(each for each in self._loaded.accounts if each.id.lower() == account_id)
        return replace(self._edited(found), deployments=tuple(self._ever[uid] for uid in uids))

    def _rebuild(self) -> None:
        """The present, from the generations. A changed deployment keeps its place in the list."""
        by_account: dict[str, list[Deployment]] = {}
        spillers: dict[str, list[Deployment]] = {}
        for each in self._ever.values():
            by_account.setdefault(each.account.lower(), []).append(each)
            if each.spill_target is not None:
                spillers.setdefault(each.spill_target, []).append(each)
        self._by_account = {name: tuple(rows) for name, rows in by_account.items()}
        self._spillers = {key: tuple(rows) for key, rows in spillers.items()}
        accounts = tuple(
            replace(self._edited(account), deployments=self._living_of(account))
            for account in self._loaded.accounts
            if account.id.lower() not in self._deleted.keys() | self._purged
        )
        self.world = replace(self._loaded, accounts=accounts)
        self._accounts = {each.id.lower(): each for each in accounts}
        self._accounts_by_name = {each.name.lower(): each for each in accounts}
        self._living = {each.key: each for each in self.world.deployments}

    def _living_of(self, account: Account) -> tuple[Deployment, ...]:
        latest = {each.key: each for each in self.ever(account.name)}
        return tuple(each for each in latest.values() if each.uid not in self._ended)
