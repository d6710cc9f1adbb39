"""Money as it is shown: to the cent, so that every list sums to the row that it was opened from.

The organisation's month is rounded once and its cents are handed down by largest remainder: to
accounts, to their members (services or deployments), to days, to lines. The split covers the whole
organisation, so a person who sees one team sees the same cents as one who sees all.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import Q, QuerySet, Sum

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
    rows = TeamCostDay.objects.filter(days.condition).values("team_id", "category")
    for row in rows.annotate(exact=Sum("amount")).order_by():
        account = account_of(row["team_id"], row["category"])
        exact[account] = exact.get(account, ZERO) + row["exact"]
    return to_cents_together(exact)


def member_cents(days: Days, account: Account) -> dict[int, Decimal]:
    """By service, or by deployment for the platform's own; sums to the account's cents."""
    whole = account_cents(days).get(account, ZERO)
    return to_cents_together(_exact_by(account.member_field, lines_of(days, account)), whole)


def day_cents(days: Days, account: Account, member: int) -> dict[date, Decimal]:
    """By day of one member; sums to the member's cents."""
    whole = member_cents(days, account).get(member, ZERO)
    return to_cents_together(_exact_by("day", lines_of(days, account, member)), whole)


def _exact_by(field: str, lines: "QuerySet[CostLine]") -> dict[Any, Decimal]:
    rows = lines.values(field).annotate(exact=Sum("amount")).order_by()
    return {row[field]: row["exact"] or ZERO for row in rows}


def to_cents_together(exact: Mapping[K, Decimal], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Parts to the cent that sum to `whole`. In the order of the keys, so always the same."""
    keys = sorted(exact)  # type: ignore[type-var]
    if not keys:
        return {}
    return dict(zip(keys, split_to_cents([exact[key] for key in keys], whole), strict=True))
