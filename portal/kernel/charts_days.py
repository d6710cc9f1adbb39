"""Charts by day: money, and counts of what was used. The same rules as in `charts`. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

from portal.kernel import formatting
from portal.kernel.charts import Chart, Spec, joined
from portal.kernel.gaps import INCOMPLETE, words_of


@dataclass(frozen=True)
class CostByDay:
    """Money by day, stacked by category. `incomplete` days are hatched, also those without any."""

    days: Sequence[date]
    categories: Mapping[str, Sequence[Decimal | None]]
    incomplete: frozenset[date] = field(default_factory=frozenset)
    currency: str = "USD"

    def chart(self, id: str, title: str, *, summary: str = "", size: str = "") -> Chart:
        headers = ["Day", *self.categories, "Together"]
        words = joined(summary, _days_words(self.days, self.incomplete))
        return Chart(id, title, self.spec(), headers, self.table(), words, size)

    def spec(self) -> Spec:
        return {
            "kind": "cost_by_day",
            "symbol": formatting.symbol(self.currency),
            "days": [day.isoformat() for day in self.days],
            "gaps": _day_gaps(self.days, self.incomplete),
            "categories": [
                {"name": name, "values": [None if v is None else float(v) for v in values]}
                for name, values in self.categories.items()
            ],
        }

    def table(self) -> list[list[str]]:
        columns = list(self.categories.values())
        return [
            [
                _day_words(day, self.incomplete),
                *(formatting.money_cents(column[i], self.currency) for column in columns),
                formatting.money_cents(
                    sum((column[i] or Decimal(0) for column in columns), Decimal(0)), self.currency
                ),
            ]
            for i, day in enumerate(self.days)
        ]


@dataclass(frozen=True)
class UseByDay:
    """Counts by day, stacked by category in the order given. `incomplete` days are hatched."""

    days: Sequence[date]
    categories: Mapping[str, Sequence[int]]
    unit: str = "tokens"
    incomplete: frozenset[date] = field(default_factory=frozenset)

    def chart(self, id: str, title: str, *, summary: str = "", size: str = "") -> Chart:
        headers = ["Day", *(f"{name} ({self.unit})" for name in self.categories), "Together"]
        words = joined(summary, _days_words(self.days, self.incomplete))
        return Chart(id, title, self.spec(), headers, self.table(), words, size)

    def spec(self) -> Spec:
        return {
            "kind": "use_by_day",
            "unit": self.unit,
            "days": [day.isoformat() for day in self.days],
            "gaps": _day_gaps(self.days, self.incomplete),
            "categories": [
                {"name": name, "values": list(values)} for name, values in self.categories.items()
            ],
        }

    def table(self) -> list[list[str]]:
        columns = list(self.categories.values())
        return [
            [
                _day_words(day, self.incomplete),
                *(formatting.count(column[i]) for column in columns),
                formatting.count(sum(column[i] for column in columns)),
            ]
            for i, day in enumerate(self.days)
        ]


def _day_words(day: date, incomplete: frozenset[date]) -> str:
    return f"{day:%a} {day.day} {day:%b}" + (INCOMPLETE if day in incomplete else "")


def _days_words(days: Sequence[date], incomplete: frozenset[date]) -> str:
    return words_of([day in incomplete for day in days], timedelta(days=1))


def _day_gaps(days: Sequence[date], incomplete: frozenset[date]) -> list[str]:
    return [day.isoformat() for day in days if day in incomplete]
