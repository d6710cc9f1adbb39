"""Pools as programs read them. Numbers are exact, and null where they are not known."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from portal.kernel.windows import Window
from portal.models import User
from quotas.domain.availability import Fit
from quotas.models import Pool
from quotas.selectors.limit_history import moves_of as limit_moves
from quotas.selectors.pool_figures import AHEAD, PoolFigures, figures_of
from quotas.selectors.pool_rates import PoolRate, pool_rate, pool_rates
from quotas.selectors.reserves import moves_of as reserve_moves

Json = dict[str, Any]


def pools_json(user: User, *, at: datetime) -> list[Json]:
    """Four queries for any number of pools."""
    pools = list(Pool.objects.visible_to(user))
    rates = pool_rates(pools)
    return [
        _pool(each, rates[each.pool.pk])
        for each in figures_of(pools, window=Window(at, at + AHEAD), at=at)
    ]


def pool_json(pool: Pool, window: Window, *, at: datetime) -> Json:
    """`free_over_window` is what is free at every instant of the window."""
    return _pool(figures_of([pool], window=window, at=at)[0], pool_rate(pool))


def _pool(figures: PoolFigures, rate: PoolRate) -> Json:
    pool = figures.pool
    return {
        "id": pool.pk,
        "usage_name": pool.usage_name,
        "subscription": pool.subscription_id,
        "scope": pool.scope_type or "Region",
        "scope_id": pool.scope_id,
        "region": pool.region,
        "kind": pool.kind,
        "counted_in": "PTU" if pool.is_provisioned else "units",
        "mode": pool.mode,
        "gone_at": pool.gone_at,
        "successor": pool.successor_id,
        "limit": amount_json(figures.limit_units, rate),
        "reserve": amount_json(pool.reserve_units, rate),
        "outside": amount_json(figures.limit.outside_units if figures.limit else None, rate),
        "held_now": amount_json(figures.held_units, rate),
        "free_now": amount_json(figures.free_now, rate),
        "window": window_json(figures.window),
        "free_over_window": amount_json(figures.free_minimum if figures.limit else None, rate),
        "fullest_at": figures.fullest.at,
        "more_is_promised_than_allowed": figures.is_short,
    }


def amount_json(units: int | None, rate: PoolRate) -> Json:
    return {
        "units": units,
        "tokens_per_minute": rate.tokens(units),
        "requests_per_minute": rate.requests(units),
    }


def window_json(window: Window) -> Mapping[str, datetime]:
    return {"from": window.start, "until": window.end}


def limits_json(pool: Pool) -> list[Json]:
    """Newest first; `before` is null of the first that Azure told."""
    return [
        {"from": row.observed_at, "limit_units": row.limit_units, "before_units": row.before}
        for row in limit_moves(pool)
    ]


def reserve_json(pool: Pool, most: Fit) -> Json:
    rate = pool_rate(pool)
    return {
        "reserve": amount_json(pool.reserve_units, rate),
        "most": amount_json(most.largest_units, rate),
        "fullest_at": most.tightest_at,
        "history": [
            {
                "from": row.set_at,
                "units": row.units,
                "before_units": row.was_units,
                "reason": row.reason,
                "set_by": row.set_by.username if row.set_by else None,
            }
            for row in reserve_moves(pool)
        ],
    }
