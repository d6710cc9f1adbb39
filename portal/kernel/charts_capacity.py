"""Charts of capacity over time: how a limit moved, and who holds what of a pool. Pure.

The same rules as in `charts`: meaning goes to the browser, a table says the same, None is a gap.
"""

from collections.abc import Sequence
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
