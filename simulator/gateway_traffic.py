"""Divides what a deployment got among the callers of its gateway, exactly and without memory.

A pure function of (world, minute), like the demand: shares swing around the weights of the world
file, whole numbers are drawn by systematic sampling, so that callers and what came past the gateway
always sum to the deployment's own numbers, in each minute and for each count.

A subscription with a limit gets no more tokens through than that (but for rounding and the spread
of its requests' sizes). What it would have sent beyond is refused by the gateway and
never reaches the deployment; as the deployment's traffic is given, the others, or calls past the
gateway, fill in.

A call that a provisioned deployment spilled is logged under the standard one that served it (ours:
a real gateway names the one that was called).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulator.gateways import NO_SUBSCRIPTION, Backend, Caller, Gateway
from simulator.hashing import Floats, Ints, key_of, normal_rows, uniforms

_SWING = 0.25
"""Relative standard deviation of a caller's share from minute to minute."""
_TOKEN_SWING = 0.2


@dataclass(frozen=True)
class Counts:
    """What a deployment got in each minute of a run: requests by how they ended, tokens."""

    minutes: Ints
    ok: Ints
    throttled: Ints
    bad: Ints
    failed: Ints
    prompt: Ints
    generated: Ints


@dataclass(frozen=True)
class Split:
    """Rows are ``callers`` and, last, what came past the gateway; columns are minutes.

    ``filtered`` is a part of the deployment's 400s; ``bad`` is the rest of them.
    ``throttled_by_gateway`` is in none of the deployment's numbers.
    """

    callers: tuple[Caller, ...]
    ok: Ints
    throttled: Ints
    throttled_by_gateway: Ints
    filtered: Ints
    bad: Ints
    failed: Ints
    prompt: Ints
    generated: Ints


def split(
    counts: Counts,
    gateway: Gateway,
    backend: Backend,
    seed: int,
    limits: Sequence[Floats] | None = None,
) -> Split:
    """The counts among the callers of that backend. ``seed`` is the world's.

    ``limits``: a table for each counter of tokens, rows as the answer's (and one for calls without
    a key), columns minutes: what those together may have who are not infinite; None: as in the
    world file.
    """
    keyless = Caller(NO_SUBSCRIPTION, "no subscription")
    callers = (*gateway.callers, keyless)
    key = key_of(seed, "gateway", gateway.name, backend.deployment)
    wanted = _wanted(callers, backend, key, counts.minutes)
    tables = _own_limits(callers, counts.minutes) if limits is None else limits
    allowed = _allowed(wanted, callers, counts, tables)

    def draw(name: str, whole: Ints, weights: Floats) -> Ints:
        return sampled(whole, weights, uniforms(key_of(key, name), counts.minutes))

    ok, throttled = draw("ok", counts.ok, allowed), draw("throttled", counts.throttled, allowed)
    bad = draw("bad", counts.bad, allowed)
    chance = uniforms(key_of(key, "filtered"), counts.minutes)
    filtered = np.floor(bad * backend.content_filter_share + chance).astype(np.int64)
    filtered = np.minimum(filtered, bad)
    arrived = counts.ok + counts.throttled + counts.bad + counts.failed
    refused = np.maximum(wanted - allowed, 0.0) * arrived
    refused[-1] = 0.0  # nobody limits what comes past the gateway
    rounding = uniforms(key_of(key, "refused"), counts.minutes)
    prompt_sizes = _sizes([each.prompt_factor for each in callers], key, "prompt", counts.minutes)
    generated_sizes = _sizes(
        [each.generated_factor for each in callers], key, "generated", counts.minutes
    )
    return Split(
        callers=callers,
        ok=ok,
        throttled=throttled,
        throttled_by_gateway=np.floor(refused + rounding * (refused > 0)).astype(np.int64),
        filtered=filtered,
        bad=bad - filtered,
        failed=draw("failed", counts.failed, allowed),
        prompt=draw("prompt tokens", counts.prompt, ok * prompt_sizes),
        generated=draw("generated tokens", counts.generated, ok * generated_sizes),
    )


def sampled(whole: Ints, weights: Floats, chance: Floats) -> Ints:
    """Whole parts, rows as ``weights``, that sum to ``whole`` in each column.

    Systematic sampling: each part is its share rounded up or down, its mean over ``chance`` (0 to
    1) the share itself. Where nobody has a weight, the last row takes all.
    """
    total = weights.sum(axis=0)
    weights = weights.copy()
    weights[-1] = np.where(total > 0, weights[-1], 1.0)
    ends = np.cumsum(weights, axis=0)
    steps = np.floor(ends / ends[-1] * whole + chance)
    steps[-1] = whole  # not left to the last digit of a division
    return np.diff(np.minimum(steps, whole), axis=0, prepend=0).astype(np.int64)


def _wanted(callers: tuple[Caller, ...], backend: Backend, key: int, minutes: Ints) -> Floats:
    """Shares before any limit, each column summing to 1; the last row came past the gateway."""
    swings = np.exp(_SWING * normal_rows([key_of(key, "share", c.id) for c in callers], minutes))
    weights = np.array([_weights_at(backend, caller.id, minutes) for caller in callers]) * swings
    through = weights / weights.sum(axis=0) * (1.0 - backend.bypass_share)
    return np.vstack([through, np.full(minutes.size, backend.bypass_share)])


def _weights_at(backend: Backend, caller: str, minutes: Ints) -> Floats:
    starts = np.array([step.since_minute for step in backend.weights])
    values = np.array([dict(step.by_caller).get(caller, 0.0) for step in backend.weights])
    # Before the first step the first one holds: shares always sum to all there is.
    found: Floats = values[np.maximum(np.searchsorted(starts, minutes, side="right") - 1, 0)]
    return found


def _own_limits(callers: tuple[Caller, ...], minutes: Ints) -> list[Floats]:
    """Each caller's own limit, which nobody shares."""
    tables = []
    for row, each in enumerate(callers):
        if each.tokens_per_minute is not None:
            table = np.full((len(callers) + 1, minutes.size), np.inf)
            table[row] = each.tokens_per_minute
            tables.append(table)
    return tables


def _allowed(
    wanted: Floats, callers: tuple[Caller, ...], counts: Counts, limits: Sequence[Floats]
) -> Floats:
    """Shares under the callers' limits; what those give up goes to who has room.

    Those who share a counter have its tokens in the proportion in which they want them.
    """
    if not limits:
        return wanted
    sizes = _mean_sizes(callers, counts)
    tokens = counts.prompt + counts.generated
    per_share = np.maximum(tokens * sizes / (wanted * sizes).sum(axis=0), 1.0)
    most = np.ones_like(wanted)
    for table in limits:
        counted = np.isfinite(table)
        asked = np.where(counted, wanted * sizes, 0.0)
        total = asked.sum(axis=0)
        part = np.where(total > 0, asked / np.where(total > 0, total, 1.0), 1.0)
        held = np.where(counted, table, 0.0) * part / per_share
        most = np.where(counted, np.minimum(most, held), most)
    shares = np.minimum(wanted, most)
    for _ in callers:  # each round fills at least one of them up
        room = (shares < most) * wanted
        free = 1.0 - shares.sum(axis=0)
        total = room.sum(axis=0)
        shares = np.minimum(shares + np.where(total > 0, free / np.maximum(total, 1e-12), 0) * room,
                            most)  # fmt: skip
    shares[-1] += np.maximum(1.0 - shares.sum(axis=0), 0.0)
    return shares


def _mean_sizes(callers: tuple[Caller, ...], counts: Counts) -> Floats:
    """Tokens of a mean request of each caller and, last, of an unknown one; relative to it."""
    tokens = np.maximum(counts.prompt + counts.generated, 1)
    of_prompt = counts.prompt / tokens
    rows = [
        each.prompt_factor * of_prompt + each.generated_factor * (1 - of_prompt) for each in callers
    ]
    return np.maximum(np.vstack([*rows, np.ones_like(of_prompt)]), 1e-9)


def _sizes(factors: list[float], key: int, name: str, minutes: Ints) -> Floats:
    """How large a request of each caller is beside the others', the unknown ones of size 1."""
    keys = [key_of(key, name, row) for row in range(len(factors))]
    swings = np.exp(_TOKEN_SWING * normal_rows(keys, minutes))
    sizes = np.array(factors)[:, np.newaxis] * swings
    return np.vstack([sizes, np.ones(minutes.size)])
