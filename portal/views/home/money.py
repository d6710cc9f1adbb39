"""The part of finance: the month so far by team, beside the month before."""

from dataclasses import dataclass
from datetime import datetime

from portal.kernel.shown import Shown
from portal.models import User
from showback.selectors.cost_rows import CostRow, money_cents
from showback.selectors.month import CostList, month_so_far
from showback.selectors.scope import MonthScope, month_scope, running_month

MOST = 12


@dataclass(frozen=True)
class MoneySoFar:
    """`last_month` is the whole of it; None while it is not all there, for that is no nought.

    The rows compare the same days of both months.
    """

    page: CostList
    last_month: Shown | None
    last_month_name: str
    last_month_url: str

    @property
    def dearest(self) -> list[CostRow]:
        return self.page.rows[:MOST]

    @property
    def others(self) -> int:
        """How many teams the month's own page lists besides."""
        return len(self.page.rows) - len(self.dearest)

    @property
    def scope(self) -> MonthScope:
        return self.page.month


def money_so_far(user: User, *, at: datetime) -> MoneySoFar:
    month = running_month(at=at)
    scope, before = month_scope(str(month), at=at), month_scope(str(month.previous), at=at)
    assert scope is not None and before is not None  # noqa: S101, PT018  both have begun
    page, whole = month_so_far(user, scope, at=at)
    return MoneySoFar(
        page=page,
        last_month=None if whole is None or page.backfill else money_cents(whole),
        last_month_name=month.previous.name,
        last_month_url=before.url,
    )
