"""Money as it is shown: to the cent, so that every list sums to the row that it was opened from.

The organisation's month is rounded once and its cents are handed down by largest remainder: to
accounts, to their members (services or deployments), to days, to lines. The split covers the whole
organisation, so a person who sees one team sees the same cents as one who sees all.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import NamedTuple, TypeVar

from django.db.models import Q, QuerySet, Subquery, Sum

from portal.kernel.money import ZERO, split_to_cents
from showback.domain.months import Month
from showback.models import CostLine, MonthToDate

K = TypeVar("K", bound=Hashable)
Column = tuple[str, str]  # category, meter
WITH_LINES = Q(priced__gt=0) | Q(unpriced__gt=0)  # else there was use alone
COSTS = ("amount", "idle", "priced", "unpriced")  # the columns of `Costs`


@dataclass(frozen=True, order=True)
class Days:
    """Whole days of the finance time zone, both ends included."""

    first: date
    last: date

    @property
    def condition(self) -> Q:
        return Q(day__gte=self.first, day__lte=self.last)

    def has(self, day: date) -> bool:
        return self.first <= day <= self.last


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
    def to_date(self) -> Q:
        """The rows of `MonthToDate` of its members."""
        return Q(is_whole=False, kind=self.kind, team_id=self.team_id or None)

    @property
    def member_field(self) -> str:
        """What it is opened into: a team's services, else deployments."""
        return "service_id" if self.kind == "team" else "deployment_id"


UNALLOCATED, UNATTRIBUTED = Account("unallocated"), Account("unattributed")


class Costs(NamedTuple):
    """What lines sum to: exact, nought where none of them has a price; idle provisioned capacity in
    it; lines with and without a price.
    """

    exact: Decimal = ZERO
    idle: Decimal = ZERO
    priced: int = 0
    unpriced: int = 0

    @property
    def has_lines(self) -> bool:
        return bool(self.priced or self.unpriced)


def lines_of(
    days: Days, account: Account | None = None, member: int | None = None
) -> "QuerySet[CostLine]":
    rows = CostLine.objects.filter(days.condition)
    if account is not None:
        rows = rows.filter(account.condition)
        if member is not None:
            rows = rows.filter(**{account.member_field: member})
    return rows


def account_cents(month: Days) -> dict[Account, Decimal]:
    [found] = account_cents_in(month)
    return found


def account_cents_in(*months: Days) -> list[dict[Account, Decimal]]:
    """Of each month as far as it is given, every account that has lines. One query."""
    rows = months_to_date(*months).filter(WITH_LINES, is_whole=True)
    by_day: dict[date, dict[Account, Decimal]] = defaultdict(dict)
    for day, kind, team_id, exact in rows.values_list("day", "kind", "team_id", "amount"):
        by_day[day][Account(kind, team_id or 0)] = exact
    newest = [max(filter(month.has, by_day), default=month.last) for month in months]
    return [to_cents_together(by_day[day]) for day in newest]


def member_costs(account: Account, month: Days) -> dict[int, Costs]:
    """By service, or by deployment for the platform's own, where it has lines."""
    rows = months_to_date(month).filter(WITH_LINES, account.to_date)
    return {key: Costs(*costs) for key, *costs in rows.values_list(account.member_field, *COSTS)}


def months_to_date(*months: Days) -> "QuerySet[MonthToDate]":
    """The sums of all these days: of months, or their days up to one of them.

    Raises ValueError for days that are not.
    """
    return MonthToDate.objects.filter(reduce(or_, map(_newest_day, months))).order_by()


def _newest_day(month: Days) -> Q:
    if month.first.day != 1 or Month.of(month.first) != Month.of(month.last):
        raise ValueError(f"sums to date are of months, not of {month.first} to {month.last}")
    rows = MonthToDate.objects.filter(month.condition).order_by("-day")
    return Q(day=Subquery(rows.values("day")[:1]))


def cents_of(costs: Mapping[K, Costs], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Exact costs to the cent, together."""
    return to_cents_together({key: each.exact for key, each in costs.items()}, whole)


def day_cents(month: Days, account: Account, member: int) -> dict[date, Decimal]:
    """By day of one member; sums to the member's cents. Three queries."""
    lines = lines_of(month, account, member).order_by().values("day")
    by_day = {row["day"]: row["exact"] or ZERO for row in lines.annotate(exact=Sum("amount"))}
    members, whole = member_costs(account, month), account_cents(month).get(account, ZERO)
    cents = cents_of(members, whole)
    return to_cents_together(by_day, cents.get(member, ZERO))


def to_cents_together(exact: Mapping[K, Decimal], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Parts to the cent that sum to `whole`. In the order of the keys, so always the same."""
    keys = sorted(exact)  # type: ignore[type-var]
    if not keys:
        return {}
    return dict(zip(keys, split_to_cents([exact[key] for key in keys], whole), strict=True))
