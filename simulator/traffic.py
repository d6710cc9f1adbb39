"""What was served: demand through the buckets with the capacity in force in each minute.

A past minute asked again gives the same answer, because demand is pure and the capacity history is
kept. Results are kept by what decides them (capacity steps, lowered limits), so a write needs no
invalidation, and only as many as fit into a fixed amount of memory.

Spill-over: what a provisioned deployment with a spill-over target refuses arrives at the target,
after the target's own requests, with ``IsSpillover`` true.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable
from functools import reduce
from pathlib import Path

import numpy as np

from simulator.admission import Batch, Budget, admit_batch, left_over, weighted
from simulator.bounded_cache import BoundedCache
from simulator.capacity import Step, capacity_at_minutes
from simulator.demand import Demand, demand_of_day, minutes_of_day
from simulator.hashing import Floats, Ints, key_of
from simulator.lowered_limits import LoweredLimits, granted
from simulator.outcome import Admitted, Situation, admitted, attempts_of, ends_of, split
from simulator.resources import Resources
from simulator.served_day import Cell, ServedDay
from simulator.world import Deployment

_SERVED_BYTES = 48 * 2**20
_DEMAND_BYTES = 24 * 2**20  # a day of a busy trace lists its single requests: megabytes


class Served:
    """Answers what each deployment served, by day; safe to use from several threads."""

    def __init__(
        self, resources: Resources, traces: Path, lowered: LoweredLimits | None = None
    ) -> None:
        self._resources, self._traces = resources, traces
        self._lowered = LoweredLimits() if lowered is None else lowered
        self._days, self._demand = BoundedCache(_SERVED_BYTES), BoundedCache(_DEMAND_BYTES)
        self._lock = threading.RLock()

    @property
    def nbytes(self) -> int:
        """Memory held by what is kept."""
        return self._days.nbytes + self._demand.nbytes

    def day(self, deployment: Deployment, day: int) -> ServedDay:
        """One UTC day (an epoch day)."""
        with self._lock:
            key = (deployment.uid, day, self._deciding(deployment, day))
            return self._days.get(key, lambda: self._compute(deployment, day).frozen())

    def situation(self, deployment: Deployment, day: int) -> Situation:
        """What decides that day of the deployment's own requests."""
        with self._lock:
            minutes = minutes_of_day(day)
            return Situation(
                deployment=deployment,
                demand=self._demand_of(deployment, day),
                capacity=capacity_at_minutes(self._steps(deployment, day), minutes),
                lowered=granted(self._lowered.of_day(deployment.key, day), minutes),
                key=key_of(self._resources.world.seed, deployment.key),
                minutes=minutes,
            )

    def spill_target_exists(self, deployment: Deployment, day: int) -> Ints:
        """1 in each minute in which what ``deployment`` refuses has somewhere to go, else 0."""
        minutes = minutes_of_day(day)
        found = np.zeros(minutes.size, dtype=bool)
        for each in self._targets(deployment):
            found |= capacity_at_minutes(self._steps(each, day), minutes) > 0
        return found.astype(np.int64)

    def _targets(self, deployment: Deployment) -> list[Deployment]:
        """Every generation of the deployment it spills onto."""
        if deployment.spill_target is None:
            return []
        there = self._resources.ever(deployment.account)
        return [each for each in there if each.key == deployment.spill_target]

    def _deciding(self, deployment: Deployment, day: int) -> Hashable:
        involved = (deployment, *self._resources.spillers(deployment.key))
        return tuple(
            (each.uid, self._steps(each, day), self._lowered.of_day(each.key, day))
            for each in (*involved, *self._targets(deployment))
        )

    def _steps(self, deployment: Deployment, day: int) -> tuple[Step, ...]:
        return self._resources.history[deployment.uid].steps_of_day(day)

    def _demand_of(self, deployment: Deployment, day: int) -> Demand:
        return self._demand.get(
            (deployment.uid, day),
            lambda: demand_of_day(self._resources.world, deployment, day, self._traces),
        )

    def _compute(self, deployment: Deployment, day: int) -> ServedDay:
        case = self.situation(deployment, day)
        got = admitted(case)
        ends, exists = ends_of(got.batch, case), (case.capacity > 0).astype(np.int64)
        refused = (case.demand.requests - got.batch.requests) * exists
        away = refused * self.spill_target_exists(deployment, day)
        cells = {
            Cell(200): ends.ok.requests,
            Cell(400): ends.bad_request,
            Cell(500): ends.server_error,
            Cell(429): attempts_of(refused - away, case),
            Cell(429, spilled_away=True): away,
        }
        attempts = _split_all(cells, case, callers_of=deployment)
        total, used = ends.ok, got.batch
        spillers = self._resources.spillers(deployment.key)
        if spillers:
            wanted = self._spilled(spillers, day)
            room = left_over(case.budget, got.batch, case.weights)
            taken = admit_batch(wanted, room, case.weights)
            spilled = {
                Cell(200, is_spillover=True): taken.requests,
                Cell(429, is_spillover=True): (wanted.requests - taken.requests) * exists,
            }
            attempts |= _split_all(spilled, case, callers_of=spillers[-1])
            total, used = total.plus(taken), used.plus(taken)
        return ServedDay(
            attempts=attempts,
            prompt=total.prompt,
            generated=total.generated,
            cached=np.rint(total.prompt * case.demand.cache_percent / 100.0).astype(np.int64),
            cache_percent=case.demand.cache_percent,
            load=_load(case, got, used),
            exists=exists,
            utilisation=got.utilisation,
        )

    def _spilled(self, spillers: tuple[Deployment, ...], day: int) -> Batch:
        """What they refused together; nothing before they existed."""
        return reduce(Batch.plus, (self._refused(each, day) for each in spillers))

    def _refused(self, deployment: Deployment, day: int) -> Batch:
        case = self.situation(deployment, day)
        demand, exists = case.demand, (case.capacity > 0).astype(np.int64)
        asked = Batch(demand.requests, demand.prompt, demand.generated)
        refused = asked.minus(admitted(case).batch)
        return Batch(refused.requests * exists, refused.prompt * exists, refused.generated * exists)


def _split_all(
    cells: dict[Cell, Ints], case: Situation, *, callers_of: Deployment
) -> dict[Cell, Ints]:
    """Every cell by stream type and service tier, as the callers of that deployment ask."""
    callers = callers_of.traffic.callers
    parts: dict[Cell, Ints] = {}
    for cell, counts in cells.items():
        parts |= split(cell, counts, callers, case.key, case.minutes)
    return parts


def _load(case: Situation, got: Admitted, used: Batch) -> Floats:
    """The share of the limit in use, 0 to 1: of the units, or of tokens or requests."""
    if got.utilisation is not None:
        return got.utilisation / 100.0
    budget: Budget = case.budget
    tokens = weighted(used.prompt, used.generated, case.weights)
    share = np.maximum(
        tokens / np.maximum(budget.weighted_tokens, 1),
        used.requests / np.maximum(budget.requests, 1),
    )
    return np.minimum(share, 1.0)
