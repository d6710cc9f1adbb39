"""Seeded numbers as a pure function of a counter, the same on every machine and in every version.

numpy's generators promise no stable stream between versions; a hash of (key, counter) does, and any
single minute can be computed without its neighbours.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


def key_of(*parts: object) -> int:
    """A 64-bit key of any printable parts."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def uniforms(key: int, counters: Ints) -> Floats:
    """Numbers in (0, 1), one for each counter (splitmix64)."""
    state = (counters.astype(np.uint64) + np.uint64(1)) * _GOLDEN + np.uint64(key)
    state = (state ^ (state >> np.uint64(30))) * _MIX_1
    state = (state ^ (state >> np.uint64(27))) * _MIX_2
    state ^= state >> np.uint64(31)
    return ((state >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53


def normals(key: int, counters: Ints) -> Floats:
    """Standard normal numbers, one for each counter (Box-Muller over two streams)."""
    radius = np.sqrt(-2.0 * np.log(uniforms(key, counters)))
    return radius * np.cos(2.0 * np.pi * uniforms(key ^ 0x5DEECE66D, counters))
