"""The protected reserve of a pool: what is kept back, how it was set, how much could be."""

from dataclasses import dataclass
from datetime import datetime

from portal.kernel.shown import Shown
from portal.models import User
from quotas.models import Pool, PoolReserve
from quotas.selectors import words
from quotas.selectors.pool_rates import PoolRate

SHOWN = 8  # the newest


@dataclass(frozen=True)
class ReserveMove:
    at: Shown
    units: str
    was: str
    by: str
    reason: str


@dataclass(frozen=True)
class ReservePart:
    """What stands on the page of a pool. `now` has units and what they give."""

    now: str
    moves: list[ReserveMove]
    may_set: bool


def reserve_part(pool: Pool, rate: PoolRate, user: User, *, at: datetime) -> ReservePart:
    """`rate` is the pool's. One query."""
    return ReservePart(
        now=rate.in_words(pool.reserve_units),
        moves=[_move(row, rate, at=at) for row in moves_of(pool)[:SHOWN]],
        may_set=may_set_reserve(pool, user),
    )


def may_set_reserve(pool: Pool, user: User) -> bool:
    return user.is_platform_owner and pool.is_allocatable and pool.gone_at is None


def moves_of(pool: Pool) -> list[PoolReserve]:
    """Newest first."""
    return list(pool.reserves.select_related("set_by"))


def _move(row: PoolReserve, rate: PoolRate, *, at: datetime) -> ReserveMove:
    return ReserveMove(
        at=words.moment(row.set_at, now=at),
        units=rate.in_words(row.units),
        was=rate.in_words(row.was_units),
        by=words.person_name(row.set_by),
        reason=row.reason,
    )
