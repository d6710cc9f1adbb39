"""The limit, the reserve and what is used outside of a pool, as they were over a window."""

from django.db.models import Max, Q

from portal.kernel.windows import Window
from quotas.domain.calendar import Lines
from quotas.domain.ledger import Step
from quotas.models import Pool, PoolLimit


def lines_of(pool: Pool, window: Window) -> Lines:
    """Two queries. Before Azure first told a limit there is none."""
    limits = _limits(pool, window)
    return Lines(
        limit=[Step(row.observed_at, row.limit_units) for row in limits],
        outside=[Step(row.observed_at, row.outside_units) for row in limits],
        reserve=_reserves(pool, window),
    )


def _limits(pool: Pool, window: Window) -> list[PoolLimit]:
    """In order: the row in force as the window begins, and those inside it. What Azure told last of
    one instant holds.
    """
    before = PoolLimit.objects.filter(pool=pool, observed_at__lte=window.start).order_by()
    newest = before.values("pool").annotate(last=Max("observed_at")).values("last")
    rows = PoolLimit.objects.filter(
        Q(observed_at__gt=window.start) | Q(observed_at__in=newest),
        pool=pool,
        observed_at__lt=window.end,
    )
    return list(rows.order_by("observed_at", "pk"))


def _reserves(pool: Pool, window: Window) -> list[Step]:
    """Set by people, so there are few: all are read. Before the first stands what it replaced;
    without any, what stands now.
    """
    rows = list(pool.reserves.order_by("set_at", "pk"))
    standing = rows[0].was_units if rows else pool.reserve_units
    for row in rows:
        if row.set_at <= window.start:
            standing = row.units
    inside = [Step(row.set_at, row.units) for row in rows if row.set_at in window]
    return [Step(window.start, standing), *(step for step in inside if step.at > window.start)]
