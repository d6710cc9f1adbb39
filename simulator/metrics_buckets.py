"""Sums, means and extremes of minutes over the buckets of a time grain."""

from __future__ import annotations

import numpy as np

from simulator.hashing import Floats
from simulator.metrics_parts import Part


class Accumulator:
    """The buckets of one series. Parts are added one by one, in any order.

    Low and high are those of single values: a part says how far they spread about a minute's mean.
    Without ``has_extremes`` they are not kept, and must not be asked for.
    """

    def __init__(self, buckets: int, *, has_samples: bool, has_extremes: bool) -> None:
        self._total = np.zeros(buckets)
        self._samples = np.zeros(buckets) if has_samples else None
        self._has_extremes = has_extremes and has_samples
        self._low = np.full(buckets, np.inf) if self._has_extremes else self._total
        self._high = np.full(buckets, -np.inf) if self._has_extremes else self._total

    def add(self, part: Part, offset: int, grain: int) -> None:
        """Add minutes from bucket ``offset`` on; the last bucket may be short of ``grain``.

        Only a bucket that spans days (grain FULL) is filled by several calls.
        """
        end = offset - (-part.total.size // grain)
        self._total[offset:end] += _reduced(np.add, part.total, grain)
        if part.samples is None or self._samples is None:
            return
        self._samples[offset:end] += _reduced(np.add, part.samples, grain)
        if not self._has_extremes:
            return
        low, high = _extremes(part, part.samples)
        cut = slice(offset, end)
        self._low[cut] = np.minimum(self._low[cut], _reduced(np.minimum, low, grain))
        self._high[cut] = np.maximum(self._high[cut], _reduced(np.maximum, high, grain))

    @property
    def has_data(self) -> bool:
        """Whether any bucket has something to show."""
        return bool((self._total if self._samples is None else self._samples).any())

    def values(self, aggregation: str) -> Floats:
        """A number for each bucket, NaN where there is none. A total of nothing is none."""
        if aggregation == "total" or self._samples is None:
            return np.where(self._total != 0, self._total, np.nan)
        known = self._samples > 0
        if aggregation == "average":
            return np.where(known, self._total / np.maximum(self._samples, 1), np.nan)
        return np.where(known, self._low if aggregation == "minimum" else self._high, np.nan)

    def rank(self, aggregation: str) -> float:
        """What series are ordered by, over the whole window."""
        if aggregation == "total" or self._samples is None:
            return float(self._total.sum())
        if aggregation == "average":
            return float(self._total.sum() / max(self._samples.sum(), 1))
        return float(self._low.min() if aggregation == "minimum" else self._high.max())


def _reduced(operation: np.ufunc, minutes: Floats, grain: int) -> Floats:
    if grain == 1:
        return minutes
    starts = np.arange(0, minutes.size, grain)
    reduced: Floats = operation.reduceat(minutes, starts)
    return reduced


def _extremes(part: Part, samples: Floats) -> tuple[Floats, Floats]:
    """Least and greatest single value of each minute; one sample alone is its own mean."""
    crowd = 1.0 - 1.0 / np.maximum(samples, 1.0)
    mean = part.total / np.maximum(samples, 1.0)
    least, most = part.spread
    low = mean * (1.0 - (1.0 - least) * crowd)
    high = mean * (1.0 + (most - 1.0) * crowd)
    return np.where(samples > 0, low, np.inf), np.where(samples > 0, high, -np.inf)
