"""What a chart shows, as values: a small specification for the browser, the same as a table.

The server says what the numbers mean; `static/js/charts.js` decides how they are drawn. Times go as
UTC milliseconds with the person's zone beside them. `None` is a gap, never a nought. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from portal.kernel import formatting
from portal.kernel.formatting_times import duration, moment
from portal.kernel.gaps import INCOMPLETE, stretches, words_of
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
    `missing` marks the steps that ought to be there and are not, or not wholly; they are hatched.
    Without it those are the steps of which no use is known. Beyond `MOST_POINTS` the peak of each
    longer step is drawn, and the summary says so.
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
    missing: Sequence[bool] | None = None

    @property
    def gaps(self) -> Sequence[bool]:
        return [used is None for used in self.used] if self.missing is None else self.missing

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
            joined(summary, note, words_of(self.gaps, self.step)),
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
            "gaps": [
                [
                    milliseconds(self.start + self.step * i),
                    milliseconds(self.start + self.step * end),
                ]
                for i, end in stretches(self.gaps)
            ],
        }

    def table(self) -> list[list[str]]:
        every = coarse_step(len(self.used), self.step, MOST_TABLE_ROWS)
        held = [
            (base or 0) + (burst or 0)
            for base, burst in zip(self.baseline, self.burst, strict=True)
        ]
        columns = zip(
            peaks(self.used, every),
            peaks(held, every),
            sums(self.throttled, every),
            peaks([int(gap) for gap in self.gaps], every),
            strict=True,
        )
        return [
            [
                moment(self.start + self.step * every * i, self.zone)
                + (INCOMPLETE if has_gap else ""),
                formatting.count(used),
                formatting.count(most_held),
                formatting.count(throttled),
            ]
            for i, (used, most_held, throttled, has_gap) in enumerate(columns)
        ]


@dataclass(frozen=True)
class Bar:
    """One team, service or pool. `slot` picks its colour: the same number everywhere (its id).

    With `is_incomplete` minutes are missing, so the amounts are the least that they may be: ≥.
    """

    name: str
    used: Decimal
    idle: Decimal = Decimal(0)
    slot: int = 0
    is_incomplete: bool = False


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
                bar.name + (INCOMPLETE if bar.is_incomplete else ""),
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
                ("≥ " if bar.is_incomplete else "")
                + formatting.money(bar.used + bar.idle, self.currency)
                for bar in self.bars
            ],
            "used_name": self.used_name,
            "idle_name": self.idle_name,
        }

    def _money(self, amount: Decimal) -> str:
        return formatting.money_cents(amount, self.currency)


def joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)


def _words(length: timedelta) -> str:
    return str(duration(length))


def milliseconds(at: datetime) -> int:
    """Since 1970, as browsers count."""
    return round(at.timestamp() * 1000)


def _ms_of(length: timedelta) -> int:
    return round(length.total_seconds() * 1000)
