"""From an address to what it names, for one person: a month, an account in it, a member, a day.

What a person may not see does not exist for them: None, which the views answer with 404.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Max, Min
from django.urls import reverse

from portal.models import User
from quotas.selectors.metering import (
    MeteredDeployment,
    ServiceName,
    metered_deployments,
    service_names,
    team_names,
)
from showback.domain.months import Month, day_of, month_window, same_day_before
from showback.gateway import finance_zone
from showback.models import CostLine, Kept
from showback.selectors.cents import UNALLOCATED, UNATTRIBUTED, Account, Days, lines_of
from showback.selectors.kept import older_than_kept

# A team's slug has no tilde, so these never stand in a team's way.
PLATFORM_ACCOUNTS = {"~unallocated": UNALLOCATED, "~unattributed": UNATTRIBUTED}
PLATFORM_NAMES = {
    "unallocated": "Unallocated provisioned capacity",
    "unattributed": "Unattributed traffic",
}


@dataclass(frozen=True)
class MonthScope:
    """A month as far as it has come, and the same stretch of the month before it."""

    month: Month
    today: date

    @property
    def is_running(self) -> bool:
        return Month.of(self.today) == self.month

    @property
    def days(self) -> Days:
        return Days(self.month.first_day, min(self.today, self.month.last_day))

    @property
    def days_before(self) -> Days:
        """Up to the same day of the month before while this one is running, else all of it."""
        before = self.month.previous
        last = same_day_before(self.today, before) if self.is_running else before.last_day
        return Days(before.first_day, last)

    @property
    def url(self) -> str:
        return reverse("showback_month", args=[str(self.month)])

    @property
    def older_than_kept(self) -> str:
        """A sentence where the days of this month were dropped; else empty."""
        return older_than_kept(Kept.What.DAYS, self.month.last_day)

    @property
    def compared_with(self) -> str:
        before = self.days_before
        if self.is_running:
            return f"1–{before.last.day} {before.last:%B}"
        return f"{before.last:%B}"


@dataclass(frozen=True)
class AccountScope:
    """A team, or one of the platform's own accounts, in a month."""

    month: MonthScope
    account: Account
    slug: str
    name: str

    @property
    def url(self) -> str:
        return reverse("showback_team", args=[str(self.month.month), self.slug])


@dataclass(frozen=True)
class MemberScope:
    """A service of a team, or a deployment of the platform's own accounts, in a month."""

    of: AccountScope
    id: int
    slug: str
    name: str

    @property
    def url(self) -> str:
        return reverse("showback_service", args=[str(self.of.month.month), self.of.slug, self.slug])

    def day_url(self, day: date) -> str:
        month = str(self.of.month.month)
        return reverse("showback_day", args=[month, self.of.slug, self.slug, f"{day.day:02}"])


def month_scope(text: str, *, at: datetime) -> MonthScope | None:
    """None for what is no month, or has not begun."""
    today = day_of(at, finance_zone())
    try:
        month = Month.parse(text)
    except ValueError:
        return None
    return MonthScope(month, today) if month <= Month.of(today) else None


def running_month(*, at: datetime) -> Month:
    return Month.of(day_of(at, finance_zone()))


def account_scope(user: User, month: MonthScope, slug: str) -> AccountScope | None:
    if slug in PLATFORM_ACCOUNTS:
        if not user.reads_everything:
            return None
        account = PLATFORM_ACCOUNTS[slug]
        return AccountScope(month, account, slug, PLATFORM_NAMES[account.kind])
    for team in team_names(user, slug=slug).values():
        return AccountScope(month, Account("team", team.id), slug, team.name)
    return None


def member_scope(of: AccountScope, slug: str) -> MemberScope | None:
    """Who may see the account may see what it consists of."""
    if of.account.kind != "team":
        deployment = deployments_of(of.month, [int(slug)]).get(int(slug)) if _is_id(slug) else None
        return MemberScope(of, deployment.id, slug, label_of(deployment)) if deployment else None
    for name in service_names(slug=slug).values():
        if _belongs(name, of):
            return MemberScope(of, name.id, slug, name.name)
    return None


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 18


def _belongs(name: ServiceName, of: AccountScope) -> bool:
    """A service of the team, or one that has moved on and left lines of its own with it."""
    if name.team_id == of.account.team_id:
        return True
    return lines_of(of.month.days, of.account, name.id).exists()


def day_in(month: MonthScope, number: int) -> date | None:
    """The day of the month with this number, if it has begun."""
    if not 1 <= number <= month.month.last_day.day:
        return None
    day = month.month.first_day.replace(day=number)
    return day if day <= month.today else None


def deployments_of(
    month: MonthScope, ids: Iterable[int] | None = None
) -> dict[int, MeteredDeployment]:
    """Every deployment that existed in the month or exists now; of these, only some if named."""
    since = month_window(month.month, finance_zone()).start
    return {d.id: d for d in metered_deployments(including_gone_since=since, ids=ids)}


def label_of(deployment: MeteredDeployment | None) -> str:
    """`account/deployment`."""
    if deployment is None:
        return "a deployment that is gone"
    return f"{deployment.account_resource_id.rpartition('/')[2]}/{deployment.name}"


def months_around(month: Month) -> tuple[Month | None, Month | None]:
    """The neighbours that have lines, or lie between months that have."""
    span = CostLine.objects.aggregate(first=Min("day"), last=Max("day"))
    if span["first"] is None:
        return None, None
    previous = month.previous if month.previous >= Month.of(span["first"]) else None
    following = month.following if month.following <= Month.of(span["last"]) else None
    return previous, following
