"""Seeded numbers as a pure function of a counter, the same on every machine and in every version.

numpy's generators promise no stable stream between versions; a hash of (key, counter) does, and any
single minute can be computed without its neighbours.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_SECOND_STREAM = 0x5DEECE66D
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def key_of(*parts: object) -> int:
    """A 64-bit key of any printable parts."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def uniform_rows(keys: Sequence[int], counters: Ints) -> Floats:
    """Numbers in (0, 1), a row for each key, a column for each counter (splitmix64)."""
    state = (counters.astype(np.uint64) + np.uint64(1)) * _GOLDEN
    state = state + np.array(keys, dtype=np.uint64)[:, np.newaxis]
    state ^= state >> np.uint64(30)
    state *= _MIX_1
    state ^= state >> np.uint64(27)
    state *= _MIX_2
    state ^= state >> np.uint64(31)
    state >>= np.uint64(11)
    return (state.astype(np.float64) + 0.5) * 2.0**-53


def uniforms(key: int, counters: Ints) -> Floats:
    """Numbers in (0, 1), one for each counter."""
    row: Floats = uniform_rows([key], counters)[0]
    return row


def normal_rows(keys: Sequence[int], counters: Ints) -> Floats:
    """Standard normal numbers, a row for each key (Box-Muller over two streams)."""
    both = uniform_rows([*keys, *(key ^ _SECOND_STREAM for key in keys)], counters)
    radius = np.sqrt(-2.0 * np.log(both[: len(keys)]))
    angle = np.cos(2.0 * np.pi * both[len(keys) :])
    normal: Floats = radius * angle
    return normal
