"""Ten-second slots: how a minute's requests lie within it, and the split of counts into shares.

Azure evaluates requests per minute over slices of one or ten seconds, and fills the bucket of
provisioned throughput request by request. Ten seconds is the finest grain played here.
"""

from __future__ import annotations

import numpy as np

from simulator.hashing import Floats, Ints, key_of, uniforms

SLOTS_PER_MINUTE = 6
SECONDS_PER_SLOT = 10


def spread_over_slots(requests: Ints, burstiness: float, key: int, minutes: Ints) -> Ints:
    """The requests of each slot, shape (minutes, 6); rows sum to ``requests``.

    With burstiness b a share b of them falls into one seeded slot, the rest lies evenly.
    """
    weights = np.full((minutes.size, SLOTS_PER_MINUTE), (1.0 - burstiness) / SLOTS_PER_MINUTE)
    if burstiness:
        hot = np.floor(uniforms(key_of(key, "slot"), minutes) * SLOTS_PER_MINUTE).astype(np.int64)
        weights[np.arange(minutes.size), hot] += burstiness
    # Differences of rounded running sums: whole numbers, and their sum is exact.
    running = np.rint(np.cumsum(weights, axis=1) * requests[:, np.newaxis]).astype(np.int64)
    running[:, -1] = requests
    return np.diff(running, axis=1, prepend=0)


def share_of(counts: Ints, share: float, key: int, minutes: Ints) -> Ints:
    """A seeded share of each count, whole, right on average and never more than the count."""
    if share <= 0.0:
        return np.zeros_like(counts)
    if share >= 1.0:
        return counts
    part: Ints = np.floor(counts * share + uniforms(key, minutes)).astype(np.int64)
    return np.minimum(part, counts)


def multiplied(counts: Ints, factor: float, key: int, minutes: Ints) -> Ints:
    """``counts`` times ``factor`` as whole numbers, right on average, at least the counts."""
    if factor == 1.0:
        return counts
    chance: Floats = uniforms(key, minutes)
    product = np.floor(counts * factor + chance).astype(np.int64)
    return np.where(counts > 0, np.maximum(product, counts), 0)
