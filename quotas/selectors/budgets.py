"""Budgets of teams: of one month, and as they were set."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

from django.conf import settings

from portal.kernel.slices import Slice, query_of, slice_of
from portal.models import Role, User
from quotas.models import Team, TeamBudget
from quotas.models.budgets import NO_END
from quotas.selectors import words

MAY_SET = frozenset({Role.FINANCE, Role.PLATFORM_OWNER})
MONTHS_AHEAD = 12


def month_of(at: datetime) -> date:
    """The first day of the month to which a moment belongs, in the finance time zone."""
    return at.astimezone(ZoneInfo(settings.HEADROOM_FINANCE_TIME_ZONE)).date().replace(day=1)


def next_months(first: date, count: int) -> list[date]:
    """`first` and those that follow it."""
    months = (first.year * 12 + first.month - 1 + n for n in range(count))
    return [date(number // 12, number % 12 + 1, 1) for number in months]


def budgets_in(month: date, team_ids: Iterable[int]) -> dict[int, Decimal]:
    """By team; a team without a budget in that month is absent. One query."""
    rows = TeamBudget.objects.filter(
        team__in=list(team_ids), from_month__lte=month, until_month__gt=month
    ).order_by()  # at most one each
    return dict(rows.values_list("team_id", "amount"))


def budget_of(team: Team, *, at: datetime) -> Decimal | None:
    return budgets_in(month_of(at), [team.pk]).get(team.pk)


def may_set_budgets(user: User) -> bool:
    return bool(MAY_SET & user.roles)


@dataclass(frozen=True)
class BudgetRow:
    """`now` is None where the team has none. `later`: what follows, in words; "" for nothing."""

    name: str
    slug: str
    now: Decimal | None
    later: str


@dataclass(frozen=True)
class BudgetList:
    """A page of teams; `count` is of all."""

    rows: list[BudgetRow]
    place: Slice
    count: int


def budget_list(params: Mapping[str, str] = MappingProxyType({}), *, at: datetime) -> BudgetList:
    """By name, narrowed by `?q=`. Three queries at most for any number of teams."""
    this, wanted = month_of(at), Team.objects.all()
    for word in query_of(params).split():
        wanted = wanted.filter(name__icontains=word)
    place = slice_of(params, wanted.count())
    teams = list(wanted[place.start : place.stop])
    rows: dict[int, list[TeamBudget]] = {}
    later = TeamBudget.objects.filter(team__in=teams, until_month__gt=this)
    for row in later.order_by("from_month"):
        rows.setdefault(row.team_id, []).append(row)
    return BudgetList(
        [_row(team, rows.get(team.pk, []), this) for team in teams],
        place,
        count=Team.objects.count() if place.query else place.total,
    )


def _row(team: Team, rows: list[TeamBudget], this: date) -> BudgetRow:
    now = next((row for row in rows if row.from_month <= this), None)
    said = [f"{words.money(r.amount)} from {r.from_month:%B %Y}" for r in rows if r is not now]
    last = rows[-1] if rows else None
    if last is not None and last.until_month != NO_END:
        said.append(f"none from {last.until_month:%B %Y}")
    return BudgetRow(team.name, team.slug, now.amount if now else None, ", then ".join(said))
