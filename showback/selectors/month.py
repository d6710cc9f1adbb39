"""The organisation's month by team, and a team's month by service."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from django.db.models import Q
from django.urls import reverse

from portal.kernel.charts import Chart
from portal.kernel.money import ZERO
from portal.models import User
from quotas.selectors.metering import TeamName, service_names, team_names
from showback.domain.months import Month
from showback.selectors.cents import (
    Account,
    Days,
    account_cents,
    account_cents_in,
    cents_of,
    member_costs,
)
from showback.selectors.cost_charts import (
    amounts_by_day,
    cost_by_day,
    cost_by_team,
    incomplete_days,
)
from showback.selectors.cost_rows import CostRow, keys_of, total_row
from showback.selectors.data_age import data_until
from showback.selectors.history import Pieces, unfinished_history
from showback.selectors.scope import (
    PLATFORM_NAMES,
    AccountScope,
    MemberScope,
    MonthScope,
    deployments_of,
    label_of,
    months_around,
)
from showback.selectors.unpriced import Unpriced, unpriced_lines
from showback.selectors.use_totals import (
    ToDate,
    accounts_in,
    condition_of,
    members_in,
)

K = TypeVar("K", bound=Hashable)
NOTHING = ToDate()
# Minutes settle after three and are pulled every five.
FRESH = timedelta(minutes=15)


@dataclass(frozen=True)
class CostList:
    """Costs with their total, dearest first; what has no price, and what is still fetched."""

    month: MonthScope
    rows: list[CostRow]
    total: CostRow
    unpriced: list[Unpriced]
    backfill: Pieces | None

    @property
    def has_lines(self) -> bool:
        return bool(self.rows)


@dataclass(frozen=True)
class ListPage(CostList):
    """What the two list pages show."""

    chart: Chart | None
    previous_url: str
    next_url: str
    data_until: datetime | None
    is_stale: bool


def organisation_month(user: User, month: MonthScope, *, at: datetime) -> ListPage:
    """Teams that the person may see; the platform's own accounts for organisation-wide roles."""
    found = _accounts(user, month, account_cents(month.days_before), at=at)
    chart = cost_by_team(found.rows) if found.rows else None
    return _page(found, chart=chart, url_name="showback_month", at=at)


def month_so_far(user: User, month: MonthScope, *, at: datetime) -> tuple[CostList, Decimal | None]:
    """The same list, for a page that shows it beside other things; and what the whole month before
    cost, to the cent, None where it has no lines.
    """
    before = month.month.previous
    whole = Days(before.first_day, before.last_day)
    same_days, whole_month = account_cents_in(month.days_before, whole)
    cents = sum(whole_month.values(), ZERO) if whole_month else None
    return _accounts(user, month, same_days, at=at), cents


def _accounts(
    user: User, month: MonthScope, before: dict[Account, Decimal], *, at: datetime
) -> CostList:
    teams = team_names(user)
    rows = _account_rows(month, before, teams, with_platform=user.reads_everything)
    seen = Q() if user.reads_everything else Q(team_id__in=teams)
    return _list(month, rows, seen, at=at)


def _account_rows(
    month: MonthScope,
    before: dict[Account, Decimal],
    teams: dict[int, TeamName],
    *,
    with_platform: bool,
) -> list[CostRow]:
    """Of these teams, and of the platform's own accounts. Dearest first."""
    there = accounts_in(month.days)
    now, base, rows = _cents_now(there), month.url, []
    for account in keys_of(now, before):
        if account.kind == "team":
            if account.team_id not in teams:
                continue
            slug, name = teams[account.team_id].slug, teams[account.team_id].name
        elif not with_platform:
            continue
        else:
            slug, name = f"~{account.kind}", PLATFORM_NAMES[account.kind]
        row = CostRow(
            name=name,
            url=f"{base}{slug}/",
            amount=now.get(account, ZERO),
            before=before.get(account, ZERO),
            to_date=there.get(account, NOTHING),
            slot=account.team_id,
        )
        rows.append((account, row))
    return [row for _, row in sorted(rows, key=lambda pair: (-pair[1].amount, pair[0]))]


def team_month(of: AccountScope, *, at: datetime) -> ListPage:
    """One account by its services (by deployment for the platform's own). The scope was checked."""
    month, account = of.month, of.account
    whole, whole_before = account_cents_in(month.days, month.days_before)
    there = members_in(account, month.days)
    now = _cents_now(there, whole.get(account, ZERO))
    before = cents_of(member_costs(account, month.days_before), whole_before.get(account, ZERO))
    members = _members(of, keys_of(now, before))
    rows = [
        CostRow(
            name=members[key].name,
            url=members[key].url,
            amount=now.get(key, ZERO),
            before=before.get(key, ZERO),
            to_date=there.get(key, NOTHING),
            slot=key,
        )
        for key in keys_of(now, before)
    ]
    rows.sort(key=lambda row: (-row.amount, row.name))
    chart = _chart(month, account, rows) if rows else None
    found = _list(month, rows, account.condition, at=at)
    return _page(found, chart=chart, url_name="showback_team", slug=of.slug, at=at)


def _list(month: MonthScope, rows: list[CostRow], seen: Q, *, at: datetime) -> CostList:
    total = total_row(rows)
    return CostList(
        month=month,
        rows=rows,
        total=total,
        unpriced=unpriced_lines(month, seen) if total.costs.unpriced else [],
        backfill=unfinished_history(at=at),
    )


def _cents_now(there: Mapping[K, ToDate], whole: Decimal | None = None) -> dict[K, Decimal]:
    """Of those that have lines."""
    costs = {key: of.costs for key, of in there.items()}
    return cents_of({key: each for key, each in costs.items() if each.has_lines}, whole)


def _members(of: AccountScope, ids: list[int]) -> dict[int, MemberScope]:
    if of.account.kind == "team":
        return {
            name.id: MemberScope(of, name.id, name.slug, name.name)
            for name in service_names(ids).values()
        }
    return {
        key: MemberScope(of, key, str(key), label_of(deployment))
        for key, deployment in deployments_of(of.month, ids).items()
    }


def _chart(month: MonthScope, account: Account, rows: list[CostRow]) -> Chart:
    """The days sum to the foot of the list, to the cent."""
    whole = sum((row.amount for row in rows), ZERO)
    amounts = amounts_by_day(month.days, account.condition, whole)
    return cost_by_day(amounts, incomplete_days(condition_of(month.days, account)))


def _page(
    found: CostList, *, chart: Chart | None, url_name: str, at: datetime, slug: str = ""
) -> ListPage:
    previous, following = months_around(found.month.month)

    def url(other: Month | None) -> str:
        return reverse(url_name, args=[str(other), *([slug] if slug else [])]) if other else ""

    until = data_until(at)
    return ListPage(
        **vars(found),
        chart=chart,
        previous_url=url(previous),
        next_url=url(following),
        data_until=until,
        is_stale=until is not None and at - until > FRESH,
    )
