"""What a chart shows, as values: a small specification for the browser, the same as a table.

The server says what the numbers mean; `static/js/charts.js` decides how they are drawn. Times go as
UTC milliseconds with the person's zone beside them. `None` is a gap, never a nought. Pure.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import pairwise
from typing import Any

from portal.kernel import formatting
from portal.kernel.formatting_times import duration, moment
from portal.kernel.series import Numbers, coarse_step, peaks, runs, sums

Spec = dict[str, Any]
MOST_POINTS = 2_016  # a week of 5 minutes; more is finer than a screen
MOST_TABLE_ROWS = 200


@dataclass(frozen=True)
class Chart:
    """What templates/components/chart.html takes. `size` is "", "short" or "tall"."""

    id: str
    title: str
    spec: Spec
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    summary: str = ""
    size: str = ""

    @property
    def data_id(self) -> str:
        return f"{self.id}-data"


@dataclass(frozen=True)
class CapacityUse:
    """Use against held capacity, one number a step from `start`, all sequences of one length.

    `burst` is what is granted above the baseline. `throttled` counts the requests answered 429.
    Beyond `MOST_POINTS` the peak of each longer step is drawn, and the summary says so.
    """

    start: datetime
    step: timedelta
    used: Numbers
    baseline: Numbers
    burst: Numbers
    throttled: Numbers
    zone: tzinfo
    limit: float | None = None
    limit_name: str = "Pool limit"
    unit: str = "TPM"
    held_name: str = "Held"
    hatches_gaps: bool = False

    def chart(self, id: str, title: str, *, summary: str = "", size: str = "") -> Chart:
        every = coarse_step(len(self.used), self.step, MOST_POINTS)
        note = "" if every == 1 else f"Each point is the peak of {_words(self.step * every)}."
        return Chart(
            id,
            title,
            self.spec(every),
            [
                "From",
                f"Peak use ({self.unit})",
                f"{self.held_name} ({self.unit})",
                "Requests refused (429)",
            ],
            self.table(),
            f"{summary} {note}".strip(),
            size,
        )

    def spec(self, every: int) -> Spec:
        held = runs(list(zip(self.baseline, self.burst, strict=True)))
        return {
            "kind": "capacity_use",
            "zone": str(self.zone),
            "unit": self.unit,
            "start": milliseconds(self.start),
            "step": _ms_of(self.step * every),
            "used": peaks(self.used, every),
            "throttled": sums(self.throttled, every),
            "held": [
                [milliseconds(self.start + self.step * i), base or 0, burst or 0]
                for i, (base, burst) in held
            ],
            "end": milliseconds(self.start + self.step * len(self.used)),
            "limit": self.limit,
            "limit_name": self.limit_name,
            "held_name": self.held_name,
            "gaps": self._gaps() if self.hatches_gaps else [],
        }

    def _gaps(self) -> list[list[int]]:
        """[from, until] of each stretch of which nothing arrived."""
        edges = [*runs([used is None for used in self.used]), (len(self.used), False)]
        return [
            [milliseconds(self.start + self.step * i), milliseconds(self.start + self.step * end)]
            for (i, missing), (end, _) in pairwise(edges)
            if missing
        ]

    def table(self) -> list[list[str]]:
        every = coarse_step(len(self.used), self.step, MOST_TABLE_ROWS)
        held = [
            (base or 0) + (burst or 0)
            for base, burst in zip(self.baseline, self.burst, strict=True)
        ]
        columns = zip(
            peaks(self.used, every), peaks(held, every), sums(self.throttled, every), strict=True
        )
        return [
            [
                moment(self.start + self.step * every * i, self.zone),
                formatting.count(used),
                formatting.count(most_held),
                formatting.count(throttled),
            ]
            for i, (used, most_held, throttled) in enumerate(columns)
        ]


@dataclass(frozen=True)
class Bar:
    """One team, service or pool. `slot` picks its colour: the same number everywhere (its id)."""

    name: str
    used: Decimal
    idle: Decimal = Decimal(0)
    slot: int = 0


@dataclass(frozen=True)
class BarsByTeam:
    """Money by holder, dearest first as given: what was used, and what was held and not used."""

    bars: Sequence[Bar]
    currency: str = "USD"
    used_name: str = "Used"
    idle_name: str = "Held, not used"
    holder: str = "Team"

    def chart(self, id: str, title: str, *, summary: str = "", size: str = "") -> Chart:
        headers = [self.holder, self.used_name, self.idle_name, "Together"]
        rows = [
            [
                bar.name,
                self._money(bar.used),
                self._money(bar.idle),
                self._money(bar.used + bar.idle),
            ]
            for bar in self.bars
        ]
        return Chart(id, title, self.spec(), headers, rows, summary, size)

    def spec(self) -> Spec:
        return {
            "kind": "bars_by_team",
            "symbol": formatting.symbol(self.currency),
            "names": [bar.name for bar in self.bars],
            "slots": [bar.slot for bar in self.bars],
            "used": [float(bar.used) for bar in self.bars],
            "idle": [float(bar.idle) for bar in self.bars],
            "totals": [
                str(formatting.money(bar.used + bar.idle, self.currency)) for bar in self.bars
            ],
            "used_name": self.used_name,
            "idle_name": self.idle_name,
        }

    def _money(self, amount: Decimal) -> str:
        return formatting.money_cents(amount, self.currency)


@dataclass(frozen=True)
class CostByDay:
    """Money by day, stacked by category. `incomplete` days are hatched: more may still arrive."""

    days: Sequence[date]
    categories: Mapping[str, Sequence[Decimal | None]]
    incomplete: frozenset[date] = field(default_factory=frozenset)
    currency: str = "USD"

    def chart(self, id: str, title: str, *, summary: str = "", size: str = "") -> Chart:
        headers = ["Day", *self.categories, "Together"]
        return Chart(id, title, self.spec(), headers, self.table(), summary, size)

    def spec(self) -> Spec:
        return {
            "kind": "cost_by_day",
            "symbol": formatting.symbol(self.currency),
            "days": [day.isoformat() for day in self.days],
            "incomplete": [day in self.incomplete for day in self.days],
            "categories": [
                {"name": name, "values": [None if v is None else float(v) for v in values]}
                for name, values in self.categories.items()
            ],
        }

    def table(self) -> list[list[str]]:
        columns = list(self.categories.values())
        return [
            [
                f"{day:%a} {day.day} {day:%b}"
                + (" (incomplete)" if day in self.incomplete else ""),
                *(formatting.money_cents(column[i], self.currency) for column in columns),
                formatting.money_cents(
                    sum((column[i] or Decimal(0) for column in columns), Decimal(0)), self.currency
                ),
            ]
            for i, day in enumerate(self.days)
        ]


@dataclass(frozen=True)
class UseByDay:
    """Counts by day, stacked by category in the order given."""

    days: Sequence[date]
    categories: Mapping[str, Sequence[int]]
    unit: str = "tokens"

    def chart(self, id: str, title: str, *, summary: str = "", size: str = "") -> Chart:
        headers = ["Day", *(f"{name} ({self.unit})" for name in self.categories), "Together"]
        return Chart(id, title, self.spec(), headers, self.table(), summary, size)

    def spec(self) -> Spec:
        return {
            "kind": "use_by_day",
            "unit": self.unit,
            "days": [day.isoformat() for day in self.days],
            "categories": [
                {"name": name, "values": list(values)} for name, values in self.categories.items()
            ],
        }

    def table(self) -> list[list[str]]:
        columns = list(self.categories.values())
        return [
            [
                f"{day:%a} {day.day} {day:%b}",
                *(formatting.count(column[i]) for column in columns),
                formatting.count(sum(column[i] for column in columns)),
            ]
            for i, day in enumerate(self.days)
        ]


def _words(length: timedelta) -> str:
    return str(duration(length))


def milliseconds(at: datetime) -> int:
    """Since 1970, as browsers count."""
    return round(at.timestamp() * 1000)


def _ms_of(length: timedelta) -> int:
    return round(length.total_seconds() * 1000)
