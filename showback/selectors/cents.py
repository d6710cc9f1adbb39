"""Money as it is shown: to the cent, so that every list sums to the row that it was opened from.

The organisation's month is rounded once and its cents are handed down by largest remainder: to
accounts, to the columns (meters) of their members, to days, to lines. What a list shows is always
a sum of cents of the level below it, so both rows and columns add up. The split covers the whole
organisation, so a person who sees one team sees the same cents as one who sees all.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from django.db.models import Q, QuerySet, Sum

from portal.kernel.money import ZERO, split_to_cents
from showback.models import CostLine

K = TypeVar("K", bound=Hashable)
Column = tuple[str, str]  # category, meter
Cell = tuple[int, str, str]  # member, category, meter


@dataclass(frozen=True, order=True)
class Days:
    """Whole days of the finance time zone, both ends included."""

    first: date
    last: date

    @property
    def condition(self) -> Q:
        return Q(day__gte=self.first, day__lte=self.last)


@dataclass(frozen=True, order=True)
class Account:
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
    exact: dict[Account, Decimal] = {}
    rows = lines_of(days).values("team_id", "category").annotate(exact=Sum("amount")).order_by()
    for row in rows:
        account = account_of(row["team_id"], row["category"])
        exact[account] = exact.get(account, ZERO) + (row["exact"] or ZERO)
    return to_cents_together(exact)


def all_cell_cents(days: Days) -> dict[Account, dict[Cell, Decimal]]:
    """Of every account, what each column of each member costs; sums to the account's cents."""
    exact: dict[Account, dict[Cell, Decimal]] = {}
    rows = (
        lines_of(days)
        .values("team_id", "service_id", "deployment_id", "category", "meter")
        .annotate(exact=Sum("amount"))
        .order_by()
    )
    for row in rows:
        account = account_of(row["team_id"], row["category"])
        cell = (row[account.member_field], row["category"], row["meter"])
        cells = exact.setdefault(account, {})
        cells[cell] = cells.get(cell, ZERO) + (row["exact"] or ZERO)
    wholes = to_cents_together(
        {account: sum(cells.values(), ZERO) for account, cells in exact.items()}
    )
    return {account: to_cents_together(cells, wholes[account]) for account, cells in exact.items()}


def cell_cents(days: Days, account: Account) -> dict[Cell, Decimal]:
    """Of one account: the same cells as `all_cell_cents` has for it."""
    whole = account_cents(days).get(account, ZERO)
    rows = (
        lines_of(days, account)
        .values(account.member_field, "category", "meter")
        .annotate(exact=Sum("amount"))
        .order_by()
    )
    exact = {
        (row[account.member_field], row["category"], row["meter"]): row["exact"] or ZERO
        for row in rows
    }
    return to_cents_together(exact, whole)


def day_cells(days: Days, account: Account, member: int) -> dict[date, dict[Column, Decimal]]:
    """Of one member: cents by day and column. Each column sums to its cell."""
    wholes = cell_cents(days, account)
    exact: dict[Column, dict[date, Decimal]] = {}
    rows = (
        lines_of(days, account, member)
        .values("day", "category", "meter")
        .annotate(exact=Sum("amount"))
        .order_by()
    )
    for row in rows:
        by_day = exact.setdefault((row["category"], row["meter"]), {})
        by_day[row["day"]] = row["exact"] or ZERO
    found: dict[date, dict[Column, Decimal]] = {}
    for column, by_day in exact.items():
        for day, cents in to_cents_together(by_day, wholes[(member, *column)]).items():
            found.setdefault(day, {})[column] = cents
    return found


def to_cents_together(exact: Mapping[K, Decimal], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Parts to the cent that sum to `whole`. In the order of the keys, so always the same."""
    keys = sorted(exact)  # type: ignore[type-var]
    if not keys:
        return {}
    return dict(zip(keys, split_to_cents([exact[key] for key in keys], whole), strict=True))
