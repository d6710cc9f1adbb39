"""The token bucket: which of a minute's requests are served and which get a 429.

As the documentation puts it: each arriving request adds its estimated tokens to a counter that is
reset every minute; once the counter has reached the limit, further requests get a 429. So the
request that crosses the line is still served, and the served ones are always the first of their
minute. Requests per minute are limited in the same way, at the grain of a minute or, where a budget
says so, of ten-second slices. The estimate of a request is its prompt plus its ``max_tokens``.
Provisioned throughput has a bucket of its own kind, see :mod:`simulator.leaky_bucket`.

Guarantee: with more capacity the number of served requests of a minute never falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.clock import MINUTES_PER_DAY
from simulator.demand import Demand, sum_by_minute
from simulator.hashing import Floats, Ints
from simulator.slots import SECONDS_PER_SLOT, SLOTS_PER_MINUTE
from simulator.traces import Requests, place_in
from simulator.world import Deployment

# More than any minute has, and small enough to be multiplied by a minute's requests.
UNLIMITED = 10**12
Weights = tuple[Floats, float]
"""(weight of a prompt token in each minute, weight of a generated token)."""


@dataclass(frozen=True)
class Budget:
    """What a deployment may do in each of 1440 minutes.

    ``slice_requests`` is what it may do in each ten seconds of them; None means no such limit.
    """

    requests: Ints
    weighted_tokens: Ints
    slice_requests: Ints | None = None


@dataclass(frozen=True)
class Batch:
    """Requests of each minute of a day as sums (arrays of 1440)."""

    requests: Ints
    prompt: Ints
    generated: Ints

    def minus(self, other: Batch) -> Batch:
        """What is left when ``other`` is taken out."""
        return Batch(
            self.requests - other.requests,
            self.prompt - other.prompt,
            self.generated - other.generated,
        )

    def plus(self, other: Batch) -> Batch:
        """Both together."""
        return Batch(
            self.requests + other.requests,
            self.prompt + other.prompt,
            self.generated + other.generated,
        )


def budget_of(deployment: Deployment, capacity: Ints, lowered: Floats | None = None) -> Budget:
    """Limits per minute at the capacities in force. No capacity (not created) allows nothing.

    ``lowered`` is the share of its limits that the service grants in each minute. Provisioned
    deployments have no limit of requests, and nobody lowers theirs.
    """
    sku = deployment.sku
    if sku.is_provisioned:
        return Budget(_allowed(capacity, None), capacity * sku.input_tokens_per_minute_per_unit)
    requests = _allowed(capacity, sku.per_minute("request"))
    tokens = _allowed(capacity, sku.per_minute("token"))
    if lowered is not None:
        requests = np.floor(requests * lowered).astype(np.int64)
        tokens = np.floor(tokens * lowered).astype(np.int64)
    sliced = deployment.traffic.callers.request_slices
    return Budget(requests, tokens, -(-requests // SLOTS_PER_MINUTE) if sliced else None)


def _allowed(capacity: Ints, per_unit: int | None) -> Ints:
    """Per minute; what a SKU does not limit (tokens of an image model) is free while it exists."""
    if per_unit is None:
        return np.where(capacity > 0, UNLIMITED, 0)
    return capacity * per_unit


def weights_of(deployment: Deployment, cache_percent: Floats) -> Weights:
    """(weight of a prompt token per minute, weight of a generated token) against the budget.

    Provisioned throughput deducts cached prompt tokens and weighs output; the sizing formula is
    (input × (1 − cache) + ratio × output) ÷ input TPM per PTU. Standard deployments count
    ``max_tokens``, whatever is generated.
    """
    if deployment.sku.is_provisioned:
        return 1.0 - cache_percent / 100.0, deployment.sku.output_weight
    return np.ones(MINUTES_PER_DAY), deployment.traffic.callers.max_tokens_factor


def admit(demand: Demand, budget: Budget, weights: Weights, slots: Ints | None = None) -> Batch:
    """The served part of ``demand``. ``slots`` is its requests by slot, shape (1440, 6); without
    it no slice is looked at."""
    batch = Batch(demand.requests, demand.prompt, demand.generated)
    if demand.listed is None:
        return admit_batch(batch, budget, weights, slots)
    # Only minutes that come near their limit need a look at their single requests. The margin of
    # one token a request covers the rounding of weighted tokens.
    contested = weighted(batch.prompt, batch.generated, weights) + batch.requests
    near = contested >= budget.weighted_tokens
    near |= batch.requests > budget.requests
    if slots is not None and budget.slice_requests is not None:
        near |= (slots > budget.slice_requests[:, np.newaxis]).any(axis=1)
    served = _admit_listed(demand.listed.chosen(near[demand.listed.minute]), budget, weights)
    return Batch(
        np.where(near, served.requests, batch.requests),
        np.where(near, served.prompt, batch.prompt),
        np.where(near, served.generated, batch.generated),
    )


def weighted(prompt: Ints, generated: Ints, weights: Weights) -> Ints:
    """Tokens as limits count them, whole. ``weights[0]`` goes with the entries of ``prompt``."""
    of_prompt: Ints = np.rint(prompt * weights[0]).astype(np.int64)
    of_generated: Ints = np.rint(generated * weights[1]).astype(np.int64)
    return of_prompt + of_generated


def admit_batch(batch: Batch, budget: Budget, weights: Weights, slots: Ints | None = None) -> Batch:
    """Requests of a minute are taken as equal in size: the first k with (k−1) × size < limit."""
    tokens = weighted(batch.prompt, batch.generated, weights)
    by_tokens = _first_to_reach(budget.weighted_tokens, batch.requests, tokens)
    in_time = batch.requests
    if slots is not None and budget.slice_requests is not None:
        in_time = np.minimum(slots, budget.slice_requests[:, np.newaxis]).sum(axis=1)
    return part_of(batch, np.minimum(np.minimum(in_time, budget.requests), by_tokens))


def part_of(batch: Batch, requests: Ints) -> Batch:
    """That many requests of each minute, all of a minute being equal."""
    of = np.maximum(batch.requests, 1)
    return Batch(requests, batch.prompt * requests // of, batch.generated * requests // of)


def _first_to_reach(limit: Ints, requests: Ints, tokens: Ints) -> Ints:
    """ceil(limit × requests ÷ tokens): how many equal requests reach the limit, at most all."""
    count = -(-np.minimum(limit, tokens) * requests // np.maximum(tokens, 1))
    return np.where(tokens == 0, np.where(limit > 0, UNLIMITED, 0), count)


def _admit_listed(listed: Requests, budget: Budget, weights: Weights) -> Batch:
    """Request by request, exactly: slices first, then what has passed them fills the counters."""
    if budget.slice_requests is not None and listed.second is not None:
        slot = listed.minute * SLOTS_PER_MINUTE + listed.second // SECONDS_PER_SLOT
        listed = listed.chosen(place_in(slot) < budget.slice_requests[listed.minute])
    minute = listed.minute
    tokens = weighted(listed.prompt, listed.generated, (weights[0][minute], weights[1]))
    place = listed.place
    before = np.cumsum(tokens) - tokens
    served = before - before[np.arange(minute.size) - place] < budget.weighted_tokens[minute]
    served &= place < budget.requests[minute]
    done = listed.chosen(served)
    return Batch(
        requests=sum_by_minute(done.minute, None),
        prompt=sum_by_minute(done.minute, done.prompt),
        generated=sum_by_minute(done.minute, done.generated),
    )


def left_over(budget: Budget, used: Batch, weights: Weights) -> Budget:
    """What own requests leave for spilled ones, which are not sliced; standard deployments only."""
    tokens = weighted(used.prompt, used.generated, weights)
    return Budget(
        np.maximum(budget.requests - used.requests, 0),
        np.maximum(budget.weighted_tokens - tokens, 0),
    )
