"""Money as it is shown: to the cent, so that every list sums to the row that it was opened from.

The organisation's month is rounded once and its cents are handed down by largest remainder: to
accounts, to their members (services or deployments), to days, to lines. The split covers the whole
organisation, so a person who sees one team sees the same cents as one who sees all.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import add, or_
from typing import Any, NamedTuple, TypeVar

from django.db.models import Aggregate, Count, Q, QuerySet, Sum

from portal.kernel.money import ZERO, split_to_cents
from showback.models import CostLine, TeamCostDay

K = TypeVar("K", bound=Hashable)
Column = tuple[str, str]  # category, meter


@dataclass(frozen=True, order=True)
class Days:
    """Whole days of the finance time zone, both ends included."""

    first: date
    last: date

    @property
    def condition(self) -> Q:
        return Q(day__gte=self.first, day__lte=self.last)


class Account(NamedTuple):
    """Whose line it is: a team's, or one of the platform's own two (team_id 0)."""

    kind: str  # team | unallocated | unattributed
    team_id: int = 0

    @property
    def condition(self) -> Q:
        if self.kind == "team":
            return Q(team_id=self.team_id)
        unallocated = Q(category=CostLine.Category.UNALLOCATED)
        return Q(team_id__isnull=True) & (
            unallocated if self.kind == "unallocated" else ~unallocated
        )

    @property
    def member_field(self) -> str:
        """What it is opened into: a team's services, else deployments."""
        return "service_id" if self.kind == "team" else "deployment_id"


UNALLOCATED, UNATTRIBUTED = Account("unallocated"), Account("unattributed")


def account_of(team_id: int | None, category: str) -> Account:
    if team_id is not None:
        return Account("team", team_id)
    return UNALLOCATED if category == CostLine.Category.UNALLOCATED else UNATTRIBUTED


class Costs(NamedTuple):
    """What lines sum to: exact, nought where none of them has a price; idle provisioned capacity in
    it; lines with and without a price.
    """

    exact: Decimal = ZERO
    idle: Decimal = ZERO
    priced: int = 0
    unpriced: int = 0

    def plus(self, other: "Costs") -> "Costs":
        return Costs(*map(add, self, other))


def lines_of(
    days: Days, account: Account | None = None, member: int | None = None
) -> "QuerySet[CostLine]":
    rows = CostLine.objects.filter(days.condition)
    if account is not None:
        rows = rows.filter(account.condition)
        if member is not None:
            rows = rows.filter(**{account.member_field: member})
    return rows


def account_cents(days: Days) -> dict[Account, Decimal]:
    [found] = account_costs_in(days)
    return cents_of(found)


def account_costs_in(*spans: Days) -> list[dict[Account, Costs]]:
    """By account, of each span, where it has lines. One query, of the sums of whole teams."""
    sums = (Sum("amount"), Sum("priced"), Sum("unpriced"))
    found: list[dict[Account, Costs]] = [{} for _ in spans]
    rows = _sums_in(TeamCostDay.objects.all(), spans, ("team_id", "category"), sums)
    for (team_id, category), by_span in rows:
        account = account_of(team_id, category)
        is_idle = category == CostLine.Category.PTU_IDLE
        for of_span, (exact, priced, unpriced) in zip(found, by_span, strict=True):
            if priced is not None:
                costs = Costs(exact, exact if is_idle else ZERO, priced, unpriced)
                there = of_span.get(account)
                of_span[account] = there.plus(costs) if there else costs
    return found


def member_costs_in(account: Account, *spans: Days) -> list[dict[int, Costs]]:
    """By service, or by deployment for the platform's own, of each span. One query."""
    idle = Sum("amount", filter=Q(category=CostLine.Category.PTU_IDLE))
    sums = (Sum("amount"), idle, Count("price"), Count("id"))
    found: list[dict[int, Costs]] = [{} for _ in spans]
    lines = CostLine.objects.filter(account.condition)
    for (key,), by_span in _sums_in(lines, spans, (account.member_field,), sums):
        for of_span, (exact, idle, priced, count) in zip(found, by_span, strict=True):
            if count:
                of_span[key] = Costs(exact or ZERO, idle or ZERO, priced, count - priced)
    return found


def cents_of(costs: Mapping[K, Costs], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Exact costs to the cent, together."""
    return to_cents_together({key: each.exact for key, each in costs.items()}, whole)


def _sums_in(
    rows: "QuerySet[Any]", spans: Sequence[Days], fields: Sequence[str], sums: Sequence[Aggregate]
) -> Iterator[tuple[tuple[Any, ...], list[tuple[Any, ...]]]]:
    """By the fields, the sums of each span; a sum of no rows is None."""
    wanted = {
        f"sum_{n}_{m}": _within(span, each)
        for n, span in enumerate(spans)
        for m, each in enumerate(sums)
    }
    inside = reduce(or_, (span.condition for span in spans))
    found = rows.filter(inside).order_by().values(*fields).annotate(**wanted)
    begins = [len(fields) + n * len(sums) for n in range(len(spans))]
    for row in found.values_list(*fields, *wanted):
        yield row[: len(fields)], [row[begin : begin + len(sums)] for begin in begins]


def _within(span: Days, each: Aggregate) -> Aggregate:
    only = each.copy()
    only.filter = span.condition if each.filter is None else each.filter & span.condition
    return only


def day_cents(days: Days, account: Account, member: int) -> dict[date, Decimal]:
    """By day of one member; sums to the member's cents. Two queries."""
    by_member: dict[int, Decimal] = {}
    by_day: dict[date, Decimal] = {}
    lines = lines_of(days, account).order_by().values(account.member_field, "day")
    for row in lines.annotate(exact=Sum("amount")):
        key, exact = row[account.member_field], row["exact"] or ZERO
        by_member[key] = by_member.get(key, ZERO) + exact
        if key == member:
            by_day[row["day"]] = exact
    whole = account_cents(days).get(account, ZERO)
    return to_cents_together(by_day, to_cents_together(by_member, whole).get(member, ZERO))


def to_cents_together(exact: Mapping[K, Decimal], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Parts to the cent that sum to `whole`. In the order of the keys, so always the same."""
    keys = sorted(exact)  # type: ignore[type-var]
    if not keys:
        return {}
    return dict(zip(keys, split_to_cents([exact[key] for key in keys], whole), strict=True))
