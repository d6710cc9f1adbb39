"""The list of pools: limit, held now, held at most in 30 days, what stays free."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from portal.kernel import formatting
from portal.kernel.shown import Shown, not_known
from portal.kernel.slices import Slice, query_of, slice_of
from portal.kernel.status import Status
from portal.kernel.windows import Window
from portal.models import User
from quotas.models import Pool
from quotas.selectors import statuses, words
from quotas.selectors.pool_figures import AHEAD, PoolFigures, figures_of
from quotas.selectors.pool_peaks import Peak, pool_peaks


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
class PoolCounts:
    """Of all pools that the person may see and that hold capacity, whatever was searched.

    `names_subscription`: whether the same bucket may be listed for several subscriptions.
    """

    total: int
    observing: int
    short: int
    names_subscription: bool


@dataclass(frozen=True)
class PoolList:
    """`rows` are one page. `others` count something else than capacity: listed, but nothing is
    granted from them. `former` are pools that Azure lists no more.
    """

    rows: list[PoolRow]
    place: Slice
    counts: PoolCounts
    others: list[PoolRow]
    former: list[PoolRow]


def pool_list(
    user: User, params: Mapping[str, str] = MappingProxyType({}), *, at: datetime
) -> PoolList:
    """Pools that feed one's own services; every pool for organisation-wide roles. Fullest first,
    narrowed by `?q=`.
    """
    read = Pool.objects.visible_to(user).values_list(*_Told._fields)
    pools = [_Told(*row) for row in read]
    peaks = pool_peaks((pool.pk for pool in pools), Window(at, at + AHEAD))
    capacity = [pool for pool in pools if pool.gone_at is None and pool.is_allocatable]
    wanted = query_of(params).lower().split()
    found = [pool for pool in capacity if all(word in _searched(pool) for word in wanted)]
    found.sort(key=lambda pool: -(peaks[pool.pk].share or -1))
    place = slice_of(params, len(found))
    shown = found[place.start : place.stop]
    others = [pool for pool in pools if pool.gone_at is None and not pool.is_allocatable]
    former = [pool for pool in pools if pool.gone_at and pool.is_allocatable]
    rows = _rows([*shown, *others, *former], at=at)
    return PoolList(
        [rows[pool.pk] for pool in shown],
        place,
        _counts(capacity, peaks),
        others=[rows[pool.pk] for pool in others],
        former=[rows[pool.pk] for pool in former],
    )


class _Told(NamedTuple):
    """What sorting, searching and counting need of each pool: a model of each would take as long as
    the rest of the page. Of those that are shown, all is read.
    """

    pk: int
    subscription_id: str
    scope_type: str
    scope_id: str
    region: str
    usage_name: str
    kind: str
    mode: str
    reserve_units: int
    gone_at: datetime | None

    @property
    def is_allocatable(self) -> bool:
        return self.kind != Pool.Kind.OTHER


def _rows(pools: Sequence[_Told], *, at: datetime) -> dict[int, PoolRow]:
    """By pool id. Three queries."""
    whole = Pool.objects.filter(pk__in=[pool.pk for pool in pools]).select_related("successor")
    return {each.pool.pk: pool_row(each) for each in figures_of(list(whole), at=at)}


def _counts(pools: Sequence[_Told], peaks: Mapping[int, Peak]) -> PoolCounts:
    return PoolCounts(
        total=len(pools),
        observing=sum(1 for pool in pools if pool.mode == Pool.Mode.OBSERVE),
        short=sum(1 for pool in pools if peaks[pool.pk].is_short(pool.reserve_units)),
        names_subscription=len({pool.subscription_id for pool in pools}) > 1,
    )


def _searched(pool: _Told) -> str:
    name = words.pool_name(Pool(**pool._asdict()))
    return f"{name} {pool.usage_name} {pool.subscription_id}".lower()


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
        is_short=figures.is_short,
        applies=pool.applies,
        gone=words.day(pool.gone_at, now=figures.at) if pool.gone_at else not_known(),
        successor=(pool.successor.pk, words.pool_name(pool.successor)) if pool.successor else None,
    )


def _share(units: int, limit: int | None) -> Decimal | None:
    return Decimal(units) / limit if limit else None
