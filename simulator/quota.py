"""Quota: which pool a deployment draws from, what deployments hold of it, and its limit.

Two regimes are live in Azure. Classic (``Regional`` where a row says so): one pool for each
subscription, region and usage name. Subscription-wide, rolled out model by model since 7 May 2026:
``Global``, one pool across all regions of a subscription, and ``DataZone``, one for each zone
(Azure documentation, Foundry quotas and limits). Every region lists a shared pool with the same
numbers.

The second part of a pool key is its place, in the words of :mod:`simulator.scopes`. All units are
capacity units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from simulator.clock import iso, parse_time
from simulator.scopes import GLOBAL_PLACE, place_of, scope_id_of, scope_of_place
from simulator.world import PoolKey, World

Holdings = Callable[[], Iterable[tuple[PoolKey, int]]]
"""What is held now: (subscription, region and usage name, units) of everything that counts."""

TierLimit = Callable[[str, str], int]
"""What the tier of a subscription gives a usage name; 0 where that is not known."""


@dataclass(frozen=True)
class PoolRow:
    """A pool as one place lists it. ``scope_type`` is None where the regime was never said."""

    pool: PoolKey
    usage_name: str
    limit: int
    allocated: int
    scope_type: str | None
    scope_id: str


@dataclass(frozen=True)
class _Coming:
    """A limit that will be in force from ``at`` on."""

    at: datetime
    pool: PoolKey
    usage_name: str
    limit: int


class Quota:
    """The pools of a world and their limits. Not for several threads at once."""

    def __init__(
        self, world: World, holdings: Holdings, tier_limit: TierLimit, stored: dict[str, Any]
    ) -> None:
        self._holdings, self._tier_limit = holdings, tier_limit
        self._limits: dict[PoolKey, int] = {row.pool: row.limit for row in world.limits}
        self._names: dict[PoolKey, str] = {row.pool: row.usage_name for row in world.limits}
        for row in stored.get("limits", []):
            self._put(row["subscription"], row["region"], row["usage_name"], row["limit"])
        self._scopes: dict[str, str] = {}
        self._coming: list[_Coming] = []
        kept = stored.get("quota")
        if kept is not None:
            self._scopes = dict(kept["scopes"])
            self._coming = [
                _Coming(parse_time(at), (pool[0], pool[1], pool[2]), name, limit)
                for at, pool, name, limit in kept.get("coming", [])
            ]
            return
        for usage_name, scope in world.quota_scopes.items():
            self.move(usage_name, scope)

    @property
    def scopes(self) -> dict[str, str]:
        """Usage name in lower case → regime, for those that have been told one."""
        return dict(self._scopes)

    def pool(self, key: PoolKey) -> PoolKey:
        """The pool that a deployment with this regional key draws from under today's regime."""
        subscription, region, usage_name = key
        return subscription, place_of(self._scopes.get(usage_name), region), usage_name

    def limit(self, key: PoolKey) -> int:
        """The limit of the pool behind a deployment's key; 0 when it has none."""
        return self._limits.get(self.pool(key), 0)

    def allocated(self, key: PoolKey) -> int:
        """Units held of the pool behind a deployment's key, over its whole scope."""
        return self._allocations()[self.pool(key)]

    def scope(self, key: PoolKey) -> tuple[str | None, str]:
        """``scopeType`` (None where the regime was never said) and ``scopeId`` of that pool."""
        return self._scope(self.pool(key))

    def rows(self) -> list[PoolRow]:
        """Every pool once, those out of use under today's regime left out."""
        held = self._allocations()
        return [self._row(pool, held) for pool in self._limits if self._in_use(pool)]

    def rows_of_region(self, subscription: str, region: str) -> list[PoolRow]:
        """The pools that a region lists: its own, and each shared pool that reaches it."""
        held = self._allocations()
        here = {region, GLOBAL_PLACE, place_of("DataZone", region)}
        return [
            self._row(pool, held)
            for pool in self._limits
            if pool[0] == subscription.lower() and pool[1] in here and self._in_use(pool)
        ]

    def set_limit(self, subscription: str, place: str, usage_name: str, limit: int) -> None:
        """Move a limit, as Azure does by itself; a new pool is made when there is none.

        ``place`` may be any region of a shared pool. What was still on its way for it is dropped.
        """
        pool = self.pool((subscription.lower(), place, usage_name.lower()))
        self._coming = [each for each in self._coming if self.pool(each.pool) != pool]
        self._put(subscription, pool[1], usage_name, limit)

    def set_limit_later(
        self, at: datetime, subscription: str, place: str, usage_name: str, limit: int
    ) -> None:
        """The same, in force from ``at`` on: edits take up to 15 minutes to show in Azure."""
        pool = (subscription.lower(), place, usage_name.lower())
        self._coming.append(_Coming(at, pool, usage_name, limit))

    def usage_names(self, subscription: str) -> list[str]:
        """The usage names, in lower case, that a subscription has pools of."""
        return sorted({pool[2] for pool in self._limits if pool[0] == subscription.lower()})

    def raise_limits(
        self, subscription: str, usage_name: str, *, to: int = 0, times: int = 1
    ) -> None:
        """Lift every pool of a usage name ``to`` units or by a factor; none of them falls."""
        for pool, limit in self._limits.items():
            if pool[0] == subscription.lower() and pool[2] == usage_name.lower():
                self._limits[pool] = max(limit * times, to)

    def settle(self, at: datetime) -> bool:
        """Bring into force what is due at ``at``, in the order of its times. True if any was."""
        due = sorted((each for each in self._coming if each.at <= at), key=lambda each: each.at)
        for each in due:
            self._coming.remove(each)
            subscription, place, _ = each.pool
            self._put(subscription, self.pool(each.pool)[1], each.usage_name, each.limit)
        return bool(due)

    def move(self, usage_name: str, scope: str) -> None:
        """Put a usage name under another regime, in every subscription that has it.

        The limit of a new shared pool is the larger of what the tier gives (a limit said for the
        shared place; else the larger of the tier's known figure and the largest region's limit)
        and what deployments already hold.
        Raises KeyError when no subscription has such a pool.
        """
        name = usage_name.lower()
        pools = [pool for pool in self._limits if pool[2] == name]
        if not pools:
            raise KeyError(usage_name)
        self._scopes[name] = scope
        held, given = self._allocations(), dict(self._limits)
        for subscription, place, _ in pools:
            shared = self.pool((subscription, place, name))
            if scope_of_place(shared[1]) is None:
                continue
            said = given.get(shared)
            alone = max(given[each] for each in pools if self.pool(each) == shared)
            given_by_tier = max(alone, self._tier_limit(subscription, name))
            limit = max(given_by_tier if said is None else said, held[shared])
            self._put(subscription, shared[1], self._names[subscription, place, name], limit)

    def as_json(self) -> dict[str, Any]:
        """What the state folder keeps; the constructor's ``stored`` is this again."""
        limits = [
            {
                "subscription": pool[0],
                "region": pool[1],
                "usage_name": self._names[pool],
                "limit": limit,
            }
            for pool, limit in self._limits.items()
        ]
        coming = [[iso(each.at), each.pool, each.usage_name, each.limit] for each in self._coming]
        return {"limits": limits, "quota": {"scopes": self._scopes, "coming": coming}}

    def _put(self, subscription: str, place: str, usage_name: str, limit: int) -> None:
        pool = (subscription.lower(), place, usage_name.lower())
        self._limits[pool] = limit
        self._names.setdefault(pool, usage_name)

    def _in_use(self, pool: PoolKey) -> bool:
        shared = scope_of_place(pool[1])
        return self._scopes.get(pool[2]) == shared if shared else self.pool(pool) == pool

    def _row(self, pool: PoolKey, held: Counter[PoolKey]) -> PoolRow:
        scope_type, scope_id = self._scope(pool)
        return PoolRow(
            pool=pool,
            usage_name=self._names[pool],
            limit=self._limits[pool],
            allocated=held[pool],
            scope_type=scope_type,
            scope_id=scope_id,
        )

    def _scope(self, pool: PoolKey) -> tuple[str | None, str]:
        """A region outside every data zone keeps a pool of its own, and says so."""
        place, scope = pool[1], self._scopes.get(pool[2])
        if scope == "DataZone" and scope_of_place(place) is None:
            scope = "Regional"
        return scope, scope_id_of(place)

    def _allocations(self) -> Counter[PoolKey]:
        held: Counter[PoolKey] = Counter()
        for key, units in self._holdings():
            held[self.pool(key)] += units
        return held
