"""What a gateway's callers did in a run of minutes of the living world."""

from __future__ import annotations

import numpy as np

from simulator.clock import MINUTES_PER_DAY
from simulator.gateway_traffic import Counts, Split, split
from simulator.gateways import Backend, Gateway
from simulator.hashing import Floats, Ints
from simulator.state import State


def split_of(state: State, gateway: Gateway, backend: Backend, minutes: Ints) -> Split:
    """Callers of one deployment in consecutive epoch minutes; whatever nobody may see yet too."""
    counts = counts_of(state, backend.deployment, minutes)
    limits = limits_in(state, gateway, minutes)
    return split(counts, gateway, backend, state.world.seed, limits)


def limits_in(state: State, gateway: Gateway, minutes: Ints) -> list[Floats]:
    """A table for each counter that the products' policies had in those minutes, as split takes."""
    tables: dict[str, Floats] = {}
    for row, caller in enumerate(gateway.callers):
        steps = state.product_policies.limits(gateway, caller)
        starts = np.array([since for since, _limits in steps])
        step_of = np.searchsorted(starts, minutes, side="right") - 1
        for step in np.unique(step_of):
            for limit in steps[step][1]:
                empty = np.full((len(gateway.callers) + 2, minutes.size), np.inf)
                mine = tables.setdefault(limit.counter, empty)[row]
                at = step_of == step
                mine[at] = np.minimum(mine[at], limit.tokens_per_minute)
    return list(tables.values())


def counts_of(state: State, key: str, minutes: Ints) -> Counts:
    """What Monitor says of ``account/deployment``, of all its generations together."""
    account = key.partition("/")[0]
    ever = [each for each in state.resources.ever(account) if each.key == key]
    names = ("ok", "throttled", "bad", "failed", "prompt", "generated")
    sums = {name: np.zeros(minutes.size, dtype=np.int64) for name in names}
    first, end = int(minutes[0]), int(minutes[-1]) + 1
    for day in range(first // MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY)):
        start = day * MINUTES_PER_DAY
        low, high = max(first, start), min(end, start + MINUTES_PER_DAY)
        for each in ever:
            served = state.served.day(each, day)
            here, there = slice(low - start, high - start), slice(low - first, high - first)
            sums["ok"][there] += served.total(200)[here]
            sums["throttled"][there] += served.total(429)[here]
            if not state.knobs.spilled_counts_as_429:
                sums["throttled"][there] -= served.total(429, spilled_away=True)[here]
            sums["bad"][there] += served.total(400)[here]
            sums["failed"][there] += served.total(500)[here]
            sums["prompt"][there] += served.prompt[here]
            sums["generated"][there] += served.generated[here]
    return Counts(minutes, **sums)
