"""The protected reserve of a pool: what normal entries never use. Each change dated, with a reason.

It may be raised up to what is free at every instant from now on, checked under the pool's lock, so
that no grant loses its room to it (I1); it may always be lowered.
"""

from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER, Window
from portal.models import User
from quotas.domain.availability import Fit, reserve_fit
from quotas.models import Pool, PoolReserve
from quotas.selectors.pool_rates import pool_rate
from quotas.selectors.rooms import held_and_room
from quotas.services.refusals import refuse

LONGEST_REASON = 200


@transaction.atomic
def set_reserve(pool: Pool, *, units: int, reason: str, by: User, at: datetime) -> Pool:
    """Keeps `units` back from now on. Raises DomainError: not a platform owner, no reason, a pool
    that is gone or holds no capacity, or more than is free; then nothing is written.
    """
    if not by.is_platform_owner:
        raise refuse("not_yours", "Only a platform owner sets what is kept back in a pool.")
    check_reason(reason)
    locked = Pool.objects.select_for_update().get(pk=pool.pk)
    check_reserve(locked, units, at=at)
    if units != locked.reserve_units:
        _write(locked, units, reason.strip(), by=by, at=at)
    pool.reserve_units = units
    return pool


def check_reason(reason: str) -> None:
    """Raises DomainError for none, or one that is too long for its row."""
    if not reason.strip():
        raise refuse("reason_missing", "Say why; everyone who sees the pool reads it.")
    if len(reason.strip()) > LONGEST_REASON:
        raise refuse("reason_too_long", f"Say it in {LONGEST_REASON} characters at most.")


def check_reserve(pool: Pool, units: int, *, at: datetime) -> None:
    """Raises DomainError. What it reads is certain only while the caller holds the pool's lock."""
    if not pool.is_allocatable or pool.gone_at:
        raise refuse("no_capacity", f"{pool} holds no capacity, so there is nothing to keep back.")
    if units < 0:
        raise refuse("negative_reserve", "Keep back nought or more.")
    if units <= pool.reserve_units:
        return
    if not pool.limits.exists():
        raise refuse(
            "limit_unknown",
            "Azure has not told the limit of this pool yet, so what is free is not known. "
            "Try again after the next sync.",
        )
    found = most_reserve(pool, at=at)
    if units > found.largest_units:
        raise _too_much(pool, units, found)


def most_reserve(pool: Pool, *, at: datetime) -> Fit:
    """`largest_units` is what could be kept back: free at every instant from now on."""
    window = Window(at, FOREVER)
    return reserve_fit(*held_and_room(pool, window), window)


def _too_much(pool: Pool, units: int, found: Fit) -> DomainError:
    rate = pool_rate(pool)
    return refuse(
        "reserve_too_large",
        f"{rate.in_words(units)} cannot be kept back: {found.peak_held_units:,} are held of the "
        f"{found.room_units:,} that Azure leaves, {found.tightest_at:%a %d %b %Y %H:%M} UTC. "
        f"At most {rate.in_words(found.largest_units)} can be. Nothing was written.",
    )


def _write(pool: Pool, units: int, reason: str, *, by: User, at: datetime) -> None:
    row = PoolReserve.objects.create(
        pool=pool, units=units, was_units=pool.reserve_units, reason=reason, set_at=at, set_by=by
    )
    Pool.objects.filter(pk=pool.pk).update(reserve_units=units)
    audit.record(
        "pool.reserve_set",
        f"pool/{pool.pk}",
        actor_id=by.pk,
        at=at,
        was=row.was_units,
        now=units,
        reserve=row.pk,
    )
