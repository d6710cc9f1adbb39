"""From demand to what is admitted, for one deployment and day, and how that shows in cells."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simulator.admission import (
    UNLIMITED,
    Batch,
    Budget,
    Weights,
    admit,
    budget_of,
    part_of,
    weighted,
    weights_of,
)
from simulator.clock import MINUTES_PER_DAY
from simulator.demand import Demand, sum_by_minute
from simulator.hashing import Floats, Ints, key_of
from simulator.leaky_bucket import Load, pour
from simulator.served_day import Cell
from simulator.slots import (
    SECONDS_PER_SLOT,
    SLOTS_PER_MINUTE,
    multiplied,
    share_of,
    spread_over_slots,
)
from simulator.world import Callers, Deployment


@dataclass(frozen=True)
class Situation:
    """What decides a day: who asks for how much, and what is in force. Arrays of 1440 minutes.

    ``lowered`` is the share of its limits that the service grants. ``key`` seeds the day's
    chances, ``minutes`` are the epoch minutes. ``unlimited_requests``: only tokens are limited.
    """

    deployment: Deployment
    demand: Demand
    capacity: Ints
    lowered: Floats
    key: int
    minutes: Ints
    unlimited_requests: bool = False

    @property
    def budget(self) -> Budget:
        """The limits per minute."""
        budget = budget_of(self.deployment, self.capacity, self.lowered)
        if self.unlimited_requests:
            return replace(budget, requests=np.full_like(budget.requests, UNLIMITED))
        return budget

    @property
    def weights(self) -> Weights:
        """What a token counts against them."""
        return weights_of(self.deployment, self.demand.cache_percent)


@dataclass(frozen=True)
class Admitted:
    """Own requests that got in, whatever became of them, and the utilisation in per cent."""

    batch: Batch
    utilisation: Floats | None = None


def admitted(case: Situation) -> Admitted:
    """Through the bucket of the deployment's kind."""
    callers = case.deployment.traffic.callers
    if case.deployment.sku.is_provisioned:
        return _pour(case, callers.max_tokens_factor)
    slots = _slots(case) if callers.request_slices else None
    return Admitted(admit(case.demand, case.budget, case.weights, slots))


def _slots(case: Situation) -> Ints:
    """Requests of each ten seconds, shape (1440, 6)."""
    listed = case.demand.listed
    if listed is None or listed.second is None:
        burstiness = case.deployment.traffic.callers.burstiness
        return spread_over_slots(case.demand.requests, burstiness, case.key, case.minutes)
    slot = listed.minute * SLOTS_PER_MINUTE + listed.second // SECONDS_PER_SLOT
    counts = np.bincount(slot, minlength=MINUTES_PER_DAY * SLOTS_PER_MINUTE)
    return counts.astype(np.int64).reshape(MINUTES_PER_DAY, SLOTS_PER_MINUTE)


def _pour(case: Situation, max_tokens_factor: float) -> Admitted:
    demand, slots = case.demand, _slots(case)
    requests = np.maximum(demand.requests, 1)[:, np.newaxis]
    prompt_weight, output_weight = case.weights

    def by_slot(weight: float) -> Ints:
        tokens = weighted(demand.prompt, demand.generated, (prompt_weight, weight))
        found: Ints = tokens[:, np.newaxis] * slots // requests
        return found

    load = Load(slots, by_slot(output_weight * max_tokens_factor), by_slot(output_weight))
    bucket = pour(load, case.budget.weighted_tokens)
    wanted = Batch(demand.requests, demand.prompt, demand.generated)
    if demand.listed is None:
        return Admitted(part_of(wanted, bucket.served), bucket.utilisation)
    # Of listed requests the first of the minute are served, each with its own tokens.
    first = bucket.served[demand.listed.minute] > demand.listed.place
    done = demand.listed.chosen(first)
    batch = Batch(
        sum_by_minute(done.minute, None),
        sum_by_minute(done.minute, done.prompt),
        sum_by_minute(done.minute, done.generated),
    )
    return Admitted(batch, bucket.utilisation)


@dataclass(frozen=True)
class Ends:
    """How admitted requests end; ``ok`` with the tokens that are billed."""

    ok: Batch
    bad_request: Ints
    server_error: Ints


def ends_of(batch: Batch, case: Situation) -> Ends:
    """A seeded share ends as 400 and 500. They have counted against the limits all the same."""
    callers, key = case.deployment.traffic.callers, case.key
    bad = share_of(
        batch.requests, callers.bad_request_share, key_of(key, "bad_request"), case.minutes
    )
    # Of what is left, so that the shares are those of all requests.
    rest = max(1.0 - callers.bad_request_share, 1e-9)
    broken = share_of(
        batch.requests - bad,
        callers.server_error_share / rest,
        key_of(key, "server_error"),
        case.minutes,
    )
    return Ends(part_of(batch, batch.requests - bad - broken), bad, broken)


def attempts_of(refused: Ints, case: Situation) -> Ints:
    """How often refused requests are sent in all; each try is a 429 of its own."""
    factor = case.deployment.traffic.callers.retry_factor
    return multiplied(refused, factor, key_of(case.key, "retry"), case.minutes)


def split(cell: Cell, counts: Ints, callers: Callers, key: int, minutes: Ints) -> dict[Cell, Ints]:
    """``counts`` by stream type and service tier. The parts sum to ``counts`` in every minute."""
    parts: dict[Cell, Ints] = {}
    streaming = share_of(counts, callers.stream_share, key_of(key, "stream", cell), minutes)
    for is_streaming, part in ((True, streaming), (False, counts - streaming)):
        seed = key_of(key, "priority", cell, is_streaming)
        priority = share_of(part, callers.priority_share, seed, minutes)
        for is_priority, attempts in ((True, priority), (False, part - priority)):
            if attempts.any():
                final = replace(cell, is_streaming=is_streaming, is_priority=is_priority)
                parts[final] = attempts
    return parts
