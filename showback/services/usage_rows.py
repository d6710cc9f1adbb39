"""Hours of use on their way into the database, and back out of it for a comparison."""

from dataclasses import dataclass, fields
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from showback.domain import pgcopy
from showback.domain.measures import MEASURES, MISSING
from showback.domain.minutes import HourSums

Ints = NDArray[np.int64]

HOUR_COLUMNS = (
    "deployment_id",
    "hour",
    "grain",
    "ok_requests",
    "throttled_requests",
    "other_requests",
    "spilled_requests",
    "prompt_tokens",
    "generated_tokens",
    "cached_tokens_estimated",
    "peak_tokens_per_minute",
    "throttled_minutes",
    "utilisation_percent_sum",
    "utilisation_minutes",
    "minutes_received",
    "minutes_expected",
    "priority_requests",
    "active_tokens",
    "metric_family",
    "content_hash",
)
MINUTE_COLUMNS = ("deployment_id", "hour", *MEASURES)
# Bytes of each column of HourSums; those named may be NULL.
SIZES = (8, 8, 8, 8, 8, 8, 8, 8, 2, 4, 2, 2, 2, 8, 8)
NULLABLE = ("peak_tokens_per_minute", "throttled_minutes", "priority", "active")
# What most deployments never have: a column that is NULL in every row costs next to nothing.
SELDOM = ("utilisation_percent", "priority", "active")


@dataclass(frozen=True)
class UsageRows:
    """Rows of one grain, one for each (deployment, hour). `values` is (rows, measures[, 60])."""

    grain: str
    deployments: Ints
    hours: Ints  # epoch seconds
    values: Ints
    sums: HourSums
    has_failed: NDArray[np.bool_]  # some measure of the row could not be read
    families: Ints  # bits of `showback.domain.measures`; 0: no metric named it

    def __len__(self) -> int:
        return len(self.deployments)

    def hashes(self) -> Ints:
        """Equal for equal content: 64 bits of what the row says and how much of it was due."""
        content = np.ascontiguousarray(self.values.reshape(len(self), -1).astype("<i4"))
        due = self.sums.expected.astype("<i4")
        return np.array(
            [
                int.from_bytes(
                    blake2b(
                        row.tobytes() + n.tobytes() + self.grain.encode(), digest_size=8
                    ).digest(),
                    "big",
                    signed=True,
                )
                for row, n in zip(content, due, strict=True)
            ],
            dtype=np.int64,
        )

    def only(self, chosen: NDArray[np.bool_]) -> "UsageRows":
        sums = HourSums(**{f.name: getattr(self.sums, f.name)[chosen] for f in fields(HourSums)})
        return UsageRows(
            self.grain,
            self.deployments[chosen],
            self.hours[chosen],
            self.values[chosen],
            sums,
            self.has_failed[chosen],
            self.families[chosen],
        )


def hour_stream(rows: UsageRows, hashes: Ints, hours: Ints | None = None) -> bytes:
    """The COPY stream of `showback_usage_hour`, columns as in HOUR_COLUMNS; of other `hours` where
    those are given.
    """
    columns = [
        pgcopy.integers(rows.deployments, 8),
        pgcopy.timestamps(rows.hours if hours is None else hours),
        pgcopy.constant_text(rows.grain, len(rows)),
    ]
    for field, size in zip(fields(HourSums), SIZES, strict=True):
        values = getattr(rows.sums, field.name)
        null = values == MISSING if field.name in NULLABLE else None
        columns.append(pgcopy.integers(values, size, null=null))
    columns += [pgcopy.integers(rows.families, 2), pgcopy.integers(hashes, 8)]
    return pgcopy.copy_bytes(columns)


def mark_stream(rows: UsageRows) -> bytes:
    """The COPY stream of `showback_touchedhour` (hour, deployment): one mark for each row."""
    return pgcopy.copy_bytes([pgcopy.timestamps(rows.hours), pgcopy.integers(rows.deployments, 8)])


def minute_streams(deployments: Ints, hours: Ints, values: Ints) -> list[bytes]:
    """COPY streams of `showback_usage_minutes`, columns as in MINUTE_COLUMNS.

    `values` is (rows, measures, 60). Rows that lack the same of SELDOM make a stream of their own.
    """
    lacks = [(values[:, MEASURES.index(m)] == MISSING).all(axis=1) for m in SELDOM]
    kind = np.stack(lacks, axis=1) @ (1 << np.arange(len(SELDOM)))
    kinds = np.unique(kind)
    if len(kinds) == 1:
        return [_minute_stream(deployments, hours, values)]
    parts = [kind == each for each in kinds]
    return [_minute_stream(deployments[part], hours[part], values[part]) for part in parts]


def _minute_stream(deployments: Ints, hours: Ints, values: Ints) -> bytes:
    columns = [pgcopy.integers(deployments, 8), pgcopy.timestamps(hours)]
    for position, measure in enumerate(MEASURES):
        size = 2 if measure.endswith("_percent") else 4
        columns.append(pgcopy.integer_arrays(values[:, position], size, missing=MISSING))
    return pgcopy.copy_bytes(columns)
