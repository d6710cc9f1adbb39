"""Charts of capacity over time: how a limit moved, and who holds what of a pool. Pure.

The same rules as in `charts`: meaning goes to the browser, a table says the same, None is a gap.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from portal.kernel import formatting
from portal.kernel.charts import Chart, Spec, milliseconds
from portal.kernel.formatting_times import moment


@dataclass(frozen=True)
class LimitHistory:
    """A limit and what Azure had allocated of it; a value holds from its edge to the next or `end`.

    Units are whole; all sequences are of one length.
    """

    edges: Sequence[datetime]
    limit: Sequence[int]
    allocated: Sequence[int]
    end: datetime
    zone: tzinfo
    unit: str = "units"

    def chart(self, id: str, title: str, *, summary: str = "") -> Chart:
        headers = ["From", f"Limit ({self.unit})", f"Allocated ({self.unit})"]
        rows = [
            [moment(edge, self.zone), formatting.count(limit), formatting.count(allocated)]
            for edge, limit, allocated in zip(self.edges, self.limit, self.allocated, strict=True)
        ]
        return Chart(id, title, self.spec(), headers, rows, summary, "short")

    def spec(self) -> Spec:
        return {
            "kind": "limit_history",
            "zone": str(self.zone),
            "unit": self.unit,
            "edges": [milliseconds(edge) for edge in self.edges],
            "end": milliseconds(self.end),
            "limit": list(self.limit),
            "allocated": list(self.allocated),
        }


@dataclass(frozen=True)
class PoolTimeline:
    """What a pool has promised, by kind. A value holds from its edge to the next or `end`."""

    edges: Sequence[datetime]
    held: Mapping[str, Sequence[float]]
    end: datetime
    limit: float | None
    zone: tzinfo
    now: datetime | None = None
    unit: str = "units"

    def free(self) -> list[float | None]:
        """The limit less everything promised; None where Azure stated no limit."""
        if self.limit is None:
            return [None] * len(self.edges)
        return [self.limit - sum(at) for at in zip(*self.held.values(), strict=True)]

    def chart(self, id: str, title: str, *, summary: str = "", size: str = "") -> Chart:
        headers = ["From", *(f"{kind.capitalize()} ({self.unit})" for kind in self.held)]
        rows = [
            [moment(edge, self.zone), *map(formatting.count, values), formatting.count(free)]
            for edge, *values, free in zip(
                self.edges, *self.held.values(), self.free(), strict=True
            )
        ]
        return Chart(id, title, self.spec(), [*headers, f"Free ({self.unit})"], rows, summary, size)

    def spec(self) -> Spec:
        return {
            "kind": "pool_timeline",
            "zone": str(self.zone),
            "unit": self.unit,
            "edges": [milliseconds(edge) for edge in self.edges],
            "end": milliseconds(self.end),
            "now": None if self.now is None else milliseconds(self.now),
            "held": [{"name": name, "values": list(values)} for name, values in self.held.items()],
            "free": self.free(),
            "limit": self.limit,
            "limit_name": "Azure's limit",
        }
