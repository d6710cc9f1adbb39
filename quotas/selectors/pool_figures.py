"""The figures of pools, read for many pools at once: limit, held, the free line's minimum."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import Sum

from portal.kernel.windows import Window
from quotas.domain.availability import Room
from quotas.domain.ledger import Entry, Step, steps_over, units_at
from quotas.models import LedgerEntry, Pool, PoolLimit
from quotas.selectors.rooms import by_pool

AHEAD = timedelta(days=30)


@dataclass(frozen=True)
class PoolFigures:
    """Whole units. `limit` is None where Azure never told one; then nothing is free either.

    `free_minimum` is over the window and may be negative where Azure lowered the limit.
    """

    pool: Pool
    limit: PoolLimit | None
    entries: list[Entry]
    window: Window
    at: datetime
    held_apart: int | None = None  # what is held at `at`, where the window does not hold it

    @property
    def limit_units(self) -> int | None:
        return self.limit.limit_units if self.limit else None

    @property
    def outside_units(self) -> int:
        return self.limit.outside_units if self.limit else 0

    @property
    def room(self) -> Room:
        if self.limit is None:
            return Room(0)
        return Room(self.limit.limit_units, self.pool.reserve_units, self.outside_units)

    @property
    def held_units(self) -> int:
        return units_at(self.entries, self.at) if self.held_apart is None else self.held_apart

    @property
    def free_now(self) -> int | None:
        """None where Azure never told a limit; below nought where more is promised."""
        return None if self.limit is None else self._room - self.held_units

    @property
    def _room(self) -> int:
        return self.room.limit_units - self.room.reserve_units - self.room.outside_units

    @cached_property
    def fullest(self) -> Step:
        """The earliest moment of the window at which most is held."""
        return max(steps_over(self.entries, self.window), key=lambda step: step.units)

    @property
    def is_short(self) -> bool:
        """More is promised than Azure allows."""
        return self.limit is not None and self.free_minimum < 0

    @property
    def free_minimum(self) -> int:
        return self._room - self.fullest.units


def figures_of(
    pools: Sequence[Pool], *, at: datetime, window: Window | None = None
) -> list[PoolFigures]:
    """In the order given; two queries for any number of pools. Without a window: the next 30 days.

    What is held now is read beside it where the window does not hold this moment.
    """
    window = window or Window(at, at + AHEAD)
    limits = (
        PoolLimit.objects.filter(pool__in=pools)
        .order_by("pool_id", "-observed_at", "-id")
        .distinct("pool_id")
    )
    newest = {limit.pool_id: limit for limit in limits}
    entries: dict[int, list[Entry]] = {pool.pk: [] for pool in pools}
    rows = LedgerEntry.objects.filter(pool__in=pools).touching(window)
    for pool_id, entry in by_pool(rows):
        entries[pool_id].append(entry)
    now = held_at(pools, at) if at not in window else {}
    return [
        PoolFigures(pool, newest.get(pool.pk), entries[pool.pk], window, at, now.get(pool.pk))
        for pool in pools
    ]


def held_at(pools: Sequence[Pool], at: datetime) -> dict[int, int]:
    """By pool id. One query."""
    rows = LedgerEntry.objects.filter(pool__in=pools).in_force_at(at).order_by()
    found = dict(rows.values_list("pool").annotate(Sum("units")))
    return {pool.pk: found.get(pool.pk, 0) for pool in pools}
