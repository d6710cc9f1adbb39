"""What the deployments of a pool serve: what a unit gives there, and which models end when."""

from collections import Counter
from datetime import datetime
from typing import NamedTuple

from portal.kernel.units import UnitRate
from portal.kernel.windows import Window
from quotas.models import Pool
from quotas.selectors.model_register import with_end
from quotas.selectors.pool_rates import PoolRate, rate_of


class ModelEnd(NamedTuple):
    """The planned end of a version, and how many deployments of the pool serve it."""

    at: datetime
    model: str
    successor: str
    deployments: int


class Served(NamedTuple):
    """`ends` are those within the window, the nearest first."""

    rate: PoolRate
    ends: list[ModelEnd]


def served_by(pool: Pool, window: Window) -> Served:
    """One query."""
    rows = with_end(
        pool.deployments.present(), retires_at__gte=window.start, retires_at__lt=window.end
    )
    rates: set[UnitRate] = set()
    ends: Counter[tuple[datetime, str, str]] = Counter()
    for tokens, requests, name, version, end, follows in rows.order_by().values_list(*COLUMNS):
        rates.add(UnitRate(tokens, requests))
        if end is not None:
            ends[end, f"{name} {version}", follows] += 1
    found = [ModelEnd(*end, count) for end, count in sorted(ends.items())]
    return Served(rate_of(pool, list(rates)), found)


COLUMNS = (
    "tokens_per_minute_per_unit",
    "requests_per_minute_per_unit",
    "model_name",
    "model_version",
    "ends",
    "follows",
)
