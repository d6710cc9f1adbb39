"""What was served: demand through the token bucket with the capacity in force in each minute.

A past minute asked again gives the same answer, because demand is pure and the capacity history is
kept. Results are cached by the capacity steps that decide them, so a write needs no invalidation.

Spill-over: what a provisioned deployment with a spill-over target refuses counts as 429 there and
arrives at the target, after the target's own requests, with ``IsSpillover`` true.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TypeVar

import numpy as np

from simulator.admission import Batch, admit, admit_batch, budget_of, left_over, weights_of
from simulator.buckets import ROW, ROWS, Buckets, buckets_of_minutes
from simulator.capacity import Step, capacity_at_minutes
from simulator.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR
from simulator.demand import Demand, demand_of_day, minutes_of_day
from simulator.hashing import Floats, Ints
from simulator.resources import Resources
from simulator.world import Deployment, TraceTraffic

_SERVED_DAYS_KEPT = 384
_DEMAND_DAYS_KEPT = 128
_TRACE_DAYS_KEPT = 4  # they list single requests, megabytes each
_HOURS_KEPT = 20_000

Value = TypeVar("Value")


class Cache:
    """A bounded least-recently-used cache."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[Hashable, object] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of ``key``, made on first use."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]  # type: ignore[return-value]
        value = make()
        self._kept[key] = value
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return value


class Served:
    """Answers what each deployment served, by day; safe to use from several threads."""

    def __init__(self, resources: Resources, traces: Path) -> None:
        self._resources, self._traces = resources, traces
        self._days = Cache(_SERVED_DAYS_KEPT)
        self._demand, self._trace_demand = Cache(_DEMAND_DAYS_KEPT), Cache(_TRACE_DAYS_KEPT)
        self._hours = Cache(_HOURS_KEPT)
        self._lock = threading.RLock()

    def day(self, deployment: Deployment, day: int) -> Floats:
        """One UTC day, rows as in ROWS."""
        with self._lock:
            key = (deployment.uid, day, self._deciding_steps(deployment, day))
            return self._days.get(key, lambda: self._compute(deployment, day))

    def hours(self, deployment: Deployment, day: int) -> Buckets:
        """The 24 hours of a day whose minutes are all final; kept longer than the minutes."""
        with self._lock:
            key = (deployment.uid, day, self._deciding_steps(deployment, day))
            return self._hours.get(
                key, lambda: buckets_of_minutes(self.day(deployment, day), MINUTES_PER_HOUR)
            )

    def _deciding_steps(
        self, deployment: Deployment, day: int
    ) -> tuple[tuple[str, tuple[Step, ...]], ...]:
        involved = (deployment, *self._resources.spillers(deployment.key))
        return tuple((each.uid, self._steps(each, day)) for each in involved)

    def _steps(self, deployment: Deployment, day: int) -> tuple[Step, ...]:
        return self._resources.history[deployment.uid].steps_of_day(day)

    def _demand_of(self, deployment: Deployment, day: int) -> Demand:
        def make() -> Demand:
            return demand_of_day(self._resources.world, deployment, day, self._traces)

        listed = isinstance(deployment.traffic, TraceTraffic)
        cache = self._trace_demand if listed else self._demand
        return cache.get((deployment.uid, day), make)

    def _capacity(self, deployment: Deployment, day: int) -> Ints:
        return capacity_at_minutes(self._steps(deployment, day), minutes_of_day(day))

    def _own(self, deployment: Deployment, day: int) -> tuple[Demand, Batch]:
        """Demand since the creation, and its served part."""
        demand = self._demand_of(deployment, day)
        budget = budget_of(deployment, self._capacity(deployment, day))
        return demand, admit(demand, budget, weights_of(deployment, demand.cache_percent))

    def _spilled(self, deployment: Deployment, day: int) -> Batch:
        """What ``deployment`` refused; nothing before it existed."""
        demand, own = self._own(deployment, day)
        refused = Batch(demand.requests, demand.prompt, demand.generated).minus(own)
        exists = (self._capacity(deployment, day) > 0).astype(np.int64)
        return Batch(refused.requests * exists, refused.prompt * exists, refused.generated * exists)

    def _compute(self, deployment: Deployment, day: int) -> Floats:
        demand, own = self._own(deployment, day)
        capacity = self._capacity(deployment, day)
        exists = capacity > 0
        rows = np.zeros((len(ROWS), MINUTES_PER_DAY))
        rows[ROW["served"]] = own.requests
        rows[ROW["throttled"]] = (demand.requests - own.requests) * exists
        total = own
        if self._resources.spillers(deployment.key):
            total = own.plus(self._take_spilled(deployment, day, own, rows))
        rows[ROW["prompt"]], rows[ROW["generated"]] = total.prompt, total.generated
        rows[ROW["cached"]] = np.rint(total.prompt * demand.cache_percent / 100.0)
        rows[ROW["cache_weighted"]] = demand.cache_percent * total.requests
        if deployment.sku.is_provisioned:
            self._fill_utilisation(deployment, capacity, demand, own, rows)
        rows.flags.writeable = False
        return rows

    def _take_spilled(self, deployment: Deployment, day: int, own: Batch, rows: Floats) -> Batch:
        batches = [self._spilled(each, day) for each in self._resources.spillers(deployment.key)]
        wanted = batches[0]
        for batch in batches[1:]:
            wanted = wanted.plus(batch)
        room = left_over(budget_of(deployment, self._capacity(deployment, day)), own)
        taken = admit_batch(wanted, room, (np.ones(MINUTES_PER_DAY), 1))
        exists = self._capacity(deployment, day) > 0
        rows[ROW["spill_served"]] = taken.requests
        rows[ROW["spill_throttled"]] = (wanted.requests - taken.requests) * exists
        return taken

    @staticmethod
    def _fill_utilisation(
        deployment: Deployment, capacity: Ints, demand: Demand, own: Batch, rows: Floats
    ) -> None:
        weights = weights_of(deployment, demand.cache_percent)
        used = own.prompt * weights[0] + own.generated * weights[1]
        per_minute = capacity * deployment.sku.input_tokens_per_minute_per_unit
        percent = 100.0 * used / np.maximum(per_minute, 1)
        rows[ROW["utilisation"]] = np.where(capacity > 0, np.minimum(percent, 100.0), 0.0)
        rows[ROW["provisioned_minutes"]] = capacity > 0
