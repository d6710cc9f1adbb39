"""The token bucket: which of a minute's requests are served and which get a 429.

As the documentation puts it: each arriving request adds its estimated tokens to a counter that is
reset every minute; once the counter has reached the limit, further requests get a 429. So the
request that crosses the line is still served, and the served ones are always the first of their
minute. Requests per minute are limited in the same way, at the grain of a minute. The estimate of a
request is its prompt plus what it will generate (its ``max_tokens`` is taken to be exact).

Guarantee: with more capacity the number of served requests of a minute never falls.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.clock import MINUTES_PER_DAY
from simulator.demand import Demand, sum_by_minute
from simulator.hashing import Floats, Ints
from simulator.traces import Requests
from simulator.world import Deployment

# More than any minute has, and small enough to be multiplied by a minute's requests.
UNLIMITED = 10**12


@dataclass(frozen=True)
class Budget:
    """What a deployment may do in each of 1440 minutes."""

    requests: Ints
    weighted_tokens: Ints


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


def budget_of(deployment: Deployment, capacity: Ints) -> Budget:
    """Limits per minute at the capacities in force. No capacity (not created) allows nothing."""
    sku = deployment.sku
    if sku.is_provisioned:
        return Budget(_allowed(capacity, None), capacity * sku.input_tokens_per_minute_per_unit)
    return Budget(
        _allowed(capacity, sku.per_minute("request")), _allowed(capacity, sku.per_minute("token"))
    )


def _allowed(capacity: Ints, per_unit: int | None) -> Ints:
    """Per minute; what a SKU does not limit (tokens of an image model) is free while it exists."""
    if per_unit is None:
        return np.where(capacity > 0, UNLIMITED, 0)
    return capacity * per_unit


def weights_of(deployment: Deployment, cache_percent: Floats) -> tuple[Floats, int]:
    """(weight of a prompt token per minute, weight of a generated token) against the budget.

    Provisioned throughput deducts cached prompt tokens and weighs output; the sizing formula is
    (input × (1 − cache) + ratio × output) ÷ input TPM per PTU.
    """
    if deployment.sku.is_provisioned:
        return 1.0 - cache_percent / 100.0, deployment.sku.output_weight
    return np.ones(MINUTES_PER_DAY), 1


def admit(demand: Demand, budget: Budget, weights: tuple[Floats, int]) -> Batch:
    """The served part of ``demand``."""
    batch = Batch(demand.requests, demand.prompt, demand.generated)
    if demand.listed is None:
        return admit_batch(batch, budget, weights)
    # Only minutes that come near their limit need a look at their single requests. The margin of
    # one token a request covers the rounding of weighted tokens.
    weighted = _weighted(batch.prompt, batch.generated, weights[0], weights[1])
    contested = weighted + batch.requests >= budget.weighted_tokens
    contested |= batch.requests > budget.requests
    served = _admit_listed(_of_minutes(demand.listed, contested), budget, weights)
    return Batch(
        np.where(contested, served.requests, batch.requests),
        np.where(contested, served.prompt, batch.prompt),
        np.where(contested, served.generated, batch.generated),
    )


def _weighted(prompt: Ints, generated: Ints, prompt_weight: Floats, generated_weight: int) -> Ints:
    return np.rint(prompt * prompt_weight).astype(np.int64) + generated * generated_weight


def _of_minutes(listed: Requests, wanted: NDArray[np.bool_]) -> Requests:
    chosen = wanted[listed.minute]
    return Requests(listed.minute[chosen], listed.prompt[chosen], listed.generated[chosen])


def admit_batch(batch: Batch, budget: Budget, weights: tuple[Floats, int]) -> Batch:
    """Requests of a minute are taken as equal in size: the first k with (k−1) × size < limit."""
    weighted = _weighted(batch.prompt, batch.generated, weights[0], weights[1])
    by_tokens = _first_to_reach(budget.weighted_tokens, batch.requests, weighted)
    served = np.minimum(np.minimum(batch.requests, budget.requests), by_tokens)
    requests = np.maximum(batch.requests, 1)
    return Batch(served, batch.prompt * served // requests, batch.generated * served // requests)


def _first_to_reach(limit: Ints, requests: Ints, weighted: Ints) -> Ints:
    """ceil(limit × requests ÷ weighted): how many equal requests reach the limit."""
    count = -(-limit * requests // np.maximum(weighted, 1))
    return np.where(weighted == 0, np.where(limit > 0, UNLIMITED, 0), count)


def _admit_listed(listed: Requests, budget: Budget, weights: tuple[Floats, int]) -> Batch:
    """Request by request, exactly."""
    minute = listed.minute
    weighted = _weighted(listed.prompt, listed.generated, weights[0][minute], weights[1])
    counts = np.bincount(minute, minlength=MINUTES_PER_DAY)
    starts = (np.cumsum(counts) - counts)[minute]
    before = np.cumsum(weighted) - weighted
    served = before - before[starts] < budget.weighted_tokens[minute]
    served &= np.arange(minute.size) - starts < budget.requests[minute]
    return Batch(
        requests=sum_by_minute(minute[served], None),
        prompt=sum_by_minute(minute[served], listed.prompt[served]),
        generated=sum_by_minute(minute[served], listed.generated[served]),
    )


def left_over(budget: Budget, used: Batch) -> Budget:
    """What own requests leave for spilled ones; standard deployments only (weights are 1)."""
    tokens = used.prompt + used.generated
    return Budget(
        np.maximum(budget.requests - used.requests, 0),
        np.maximum(budget.weighted_tokens - tokens, 0),
    )
