"""A bucket that Azure lists no more, and the one that took its place.

What it held was moved by `pool_moves`, in the same transaction; here the pool itself is followed.
A new successor takes over what people had set: the reserves add up as the holdings do, the longest
lead and all owners stay, and it applies only where every pool it succeeds did: nothing is written
where an owner had said that nothing shall be.
"""

from collections.abc import Sequence
from datetime import datetime

from portal import audit
from quotas.gateway import Inventory, QuotaSeen
from quotas.models import Pool, PoolReserve
from quotas.services.pool_rows import no_longer_listed, successors

TAKEN_OVER = "Added up of the pools that it succeeded."


def follow(
    seen: Inventory, listed: Sequence[tuple[QuotaSeen, Pool]], *, new: set[int], at: datetime
) -> dict[Pool, list[Pool]]:
    """Marks pools that are gone. Returns the successors with what each succeeds; `new` are the ids
    of pools that this sync saw first.
    """
    followed: dict[Pool, list[Pool]] = {}
    for pool in no_longer_listed(seen, [pool for _, pool in listed]):
        found = successors(pool, listed)
        successor = found[0] if len(found) == 1 else None
        Pool.objects.filter(pk=pool.pk).update(gone_at=at, successor=successor)
        _note(pool, successor, at=at)
        if successor is not None:
            followed.setdefault(successor, []).append(pool)
    for successor, former in followed.items():
        if successor.pk in new:
            _take_over(successor, former, at=at)
    return followed


def _note(pool: Pool, successor: Pool | None, *, at: datetime) -> None:
    verb = "pool.gone" if successor is None else "pool.succeeded"
    detail = {} if successor is None else {"successor": successor.pk}
    audit.record(verb, f"pool/{pool.pk}", actor_id=None, at=at, **detail)


def _take_over(successor: Pool, former: list[Pool], *, at: datetime) -> None:
    _add_reserves(successor, former, at=at)
    successor.lead = max(pool.lead for pool in former)
    successor.mode = Pool.Mode.APPLY if all(p.applies for p in former) else Pool.Mode.OBSERVE
    successor.save(update_fields=["reserve_units", "lead", "mode"])
    successor.owners.add(*{owner for pool in former for owner in pool.owners.all()})
    audit.record(
        "pool.settings_taken_over",
        f"pool/{successor.pk}",
        actor_id=None,
        at=at,
        former=[pool.pk for pool in former],
        reserve_units=successor.reserve_units,
        mode=successor.mode,
    )


def _add_reserves(successor: Pool, former: list[Pool], *, at: datetime) -> None:
    was, units = successor.reserve_units, sum(pool.reserve_units for pool in former)
    successor.reserve_units = units
    if units != was:
        PoolReserve.objects.create(
            pool=successor, units=units, was_units=was, reason=TAKEN_OVER, set_at=at
        )
