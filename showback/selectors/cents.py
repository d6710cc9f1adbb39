"""Money as it is shown: to the cent, so that every list sums to the row that it was opened from.

The organisation's month is rounded once and its cents are handed down by largest remainder: to
accounts, to their members (services or deployments), to days, to lines. The split covers the whole
organisation, so a person who sees one team sees the same cents as one who sees all.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.db.models import Count, Q, QuerySet, Sum

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
    [found] = account_cents_in(days)
    return found


def account_cents_in(*spans: Days) -> list[dict[Account, Decimal]]:
    """Of each span; one query."""
    exact: list[dict[Account, Decimal]] = [{} for _ in spans]
    fields = ("team_id", "category")
    for (team_id, category), sums in _sums_in(TeamCostDay.objects.all(), spans, fields).items():
        account = account_of(team_id, category)
        for found, amount in zip(exact, sums, strict=True):
            if amount is not None:
                found[account] = found.get(account, ZERO) + amount
    return [to_cents_together(found) for found in exact]


def member_cents(days: Days, account: Account) -> dict[int, Decimal]:
    """By service, or by deployment for the platform's own; sums to the account's cents."""
    [found] = member_cents_in(account, days)
    return found


def member_cents_in(account: Account, *spans: Days) -> list[dict[int, Decimal]]:
    """Of each span; two queries."""
    wholes = account_cents_in(*spans)
    lines = CostLine.objects.filter(account.condition)
    sums = _sums_in(lines, spans, (account.member_field,))
    return [
        to_cents_together(
            {key: amount for (key,), row in sums.items() if (amount := row[n]) is not None},
            whole.get(account, ZERO),
        )
        for n, whole in enumerate(wholes)
    ]


def _sums_in(
    rows: "QuerySet[Any]", spans: Sequence[Days], fields: tuple[str, ...]
) -> dict[tuple[Any, ...], list[Decimal | None]]:
    """By the fields, the exact amount in each span; None where a span has no rows, nought where
    none of them has a price.
    """
    wanted = {}
    for n, span in enumerate(spans):
        wanted[f"amount_{n}"] = Sum("amount", filter=span.condition)
        wanted[f"rows_{n}"] = Count("id", filter=span.condition)
    inside = reduce(or_, (span.condition for span in spans))
    found = rows.filter(inside).order_by().values(*fields).annotate(**wanted)
    return {
        tuple(row[field] for field in fields): [
            (row[f"amount_{n}"] or ZERO) if row[f"rows_{n}"] else None for n in range(len(spans))
        ]
        for row in found
    }


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
