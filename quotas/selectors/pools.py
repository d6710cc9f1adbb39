"""The list of pools: limit, held now, held at most in 30 days, what stays free."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from portal.kernel import formatting
from portal.kernel.shown import Shown, not_known
from portal.kernel.status import Status
from portal.models import User
from quotas.models import Pool
from quotas.selectors import statuses, words
from quotas.selectors.pool_figures import PoolFigures, figures_of


@dataclass(frozen=True)
class PoolRow:
    """`held_share` and `fullest_share` are fractions of the limit; units are whole."""

    id: int
    name: str
    usage_name: str
    subscription: str
    unit: str
    limit: Shown
    held: Shown
    held_share: Decimal | None
    fullest_share: Decimal | None
    meter: str
    fullest: Shown
    free_minimum: Shown
    is_short: bool
    applies: bool
    gone: Shown
    successor: tuple[int, str] | None

    @property
    def subscription_end(self) -> str:
        return self.subscription[-8:]

    @property
    def short_status(self) -> Status:
        return statuses.OVERSOLD


@dataclass(frozen=True)
class PoolList:
    """`others` count something else than capacity: listed, but nothing is granted from them.
    `former` are pools that Azure lists no more.
    """

    rows: list[PoolRow]
    others: list[PoolRow]
    former: list[PoolRow]

    @property
    def names_subscription(self) -> bool:
        """Whether the same bucket may be listed for several subscriptions."""
        return len({row.subscription for row in self.rows}) > 1

    @property
    def observing(self) -> int:
        return sum(1 for row in self.rows if not row.applies)

    @property
    def short(self) -> list[PoolRow]:
        return [row for row in self.rows if row.is_short]


def pool_list(user: User, *, at: datetime) -> PoolList:
    """Pools that feed one's own services; every pool for organisation-wide roles. Fullest first."""
    pools = list(Pool.objects.visible_to(user).select_related("successor"))
    figures = figures_of(pools, at=at)
    listed = [each for each in figures if each.pool.gone_at is None]
    rows = [pool_row(each) for each in listed if each.pool.is_allocatable]
    rows.sort(key=lambda row: -(row.fullest_share or Decimal(-1)))
    gone = [each for each in figures if each.pool.gone_at and each.pool.is_allocatable]
    return PoolList(
        rows,
        others=[pool_row(each) for each in listed if not each.pool.is_allocatable],
        former=[pool_row(each) for each in gone],
    )


def pool_row(figures: PoolFigures) -> PoolRow:
    pool, limit = figures.pool, figures.limit_units
    held_share = _share(figures.held_units, limit)
    return PoolRow(
        id=pool.pk,
        name=words.pool_name(pool),
        usage_name=pool.usage_name,
        subscription=pool.subscription_id,
        unit="PTU" if pool.is_provisioned else "units",
        limit=formatting.count(limit),
        held=formatting.count(figures.held_units),
        held_share=held_share,
        fullest_share=_share(figures.fullest.units, limit),
        meter=f"{formatting.percent(held_share)} held",
        fullest=formatting.count(figures.fullest.units),
        free_minimum=not_known() if limit is None else formatting.count(figures.free_minimum),
        is_short=limit is not None and figures.free_minimum < 0,
        applies=pool.applies,
        gone=words.day(pool.gone_at, now=figures.at) if pool.gone_at else not_known(),
        successor=(pool.successor.pk, words.pool_name(pool.successor)) if pool.successor else None,
    )


def _share(units: int, limit: int | None) -> Decimal | None:
    return Decimal(units) / limit if limit else None
