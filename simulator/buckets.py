"""Minutes of served traffic and their sums over longer time grains."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.hashing import Floats

# Rows of a served day: a float64 array of shape (len(ROWS), 1440). Counts and tokens are whole.
ROWS = (
    "served",  # own requests with status 200
    "throttled",  # own requests with status 429
    "spill_served",  # requests spilled here from a provisioned deployment, 200
    "spill_throttled",  # the same, 429
    "prompt",  # prompt tokens of all served requests
    "generated",  # generated tokens of all served requests
    "cached",  # prompt tokens that matched the cache, rounded
    "cache_weighted",  # cache match per cent × served requests of both kinds
    "utilisation",  # per cent of a provisioned deployment's throughput
    "provisioned_minutes",  # 1 in each minute a provisioned deployment existed
)
ROW = {name: index for index, name in enumerate(ROWS)}


@dataclass(frozen=True)
class Buckets:
    """Sums over time buckets, shape (len(ROWS), n), and the extremes of the two percentages.

    ``lows`` and ``highs`` have shape (2, n): cache match and utilisation per cent of the single
    minutes; infinite where a bucket has no such minute.
    """

    sums: Floats
    lows: Floats
    highs: Floats

    def plus(self, other: Buckets) -> Buckets:
        """Two deployments together."""
        return Buckets(
            self.sums + other.sums,
            np.minimum(self.lows, other.lows),
            np.maximum(self.highs, other.highs),
        )

    def merged(self, factor: int) -> Buckets:
        """``factor`` neighbouring buckets as one."""
        if factor == 1:
            return self
        rows = self.sums.shape[0]
        return Buckets(
            self.sums.reshape(rows, -1, factor).sum(axis=2),
            self.lows.reshape(2, -1, factor).min(axis=2),
            self.highs.reshape(2, -1, factor).max(axis=2),
        )


def average(sums: Floats, name: str) -> Floats:
    """Cache match: the mean over served requests. Utilisation: the mean over minutes.

    NaN where there is nothing to average.
    """
    if name == "cache_weighted":
        weight = sums[ROW["served"]] + sums[ROW["spill_served"]]
    else:
        weight = sums[ROW["provisioned_minutes"]]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(weight > 0, sums[ROW[name]] / weight, np.nan)


def buckets_of_minutes(rows: Floats, minutes_per_bucket: int) -> Buckets:
    """Sums of served minutes, shape (len(ROWS), k × minutes_per_bucket)."""
    percents = np.stack([average(rows, "cache_weighted"), average(rows, "utilisation")])
    known = ~np.isnan(percents)
    by_minute = Buckets(rows, np.where(known, percents, np.inf), np.where(known, percents, -np.inf))
    return by_minute.merged(minutes_per_bucket)


def joined(parts: list[Buckets]) -> Buckets:
    """Consecutive buckets one after the other."""
    return Buckets(
        np.concatenate([part.sums for part in parts], axis=1),
        np.concatenate([part.lows for part in parts], axis=1),
        np.concatenate([part.highs for part in parts], axis=1),
    )
