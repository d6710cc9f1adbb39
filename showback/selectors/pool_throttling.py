"""Who absorbs the refusals of a pool: by tier and service, over the last days.

From hours, so that it stays quick for any number of deployments; of those that spill over, from
minutes, because what the other deployment served in a minute was refused to nobody. Only refusals
of dedicated deployments are a service's own; those of a shared one, and of one that nobody has
mapped, are together a line that says so.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.db.models import Q, Sum
from numpy.typing import NDArray

from portal.kernel.windows import MINUTE, Window, floor_to_hour, floor_to_minute
from quotas.selectors.metering import metered_deployments
from quotas.selectors.pool_deployments import PoolDeployment
from showback.domain.measures import MISSING
from showback.models import UsageHour
from showback.selectors.sharing import shared_windows
from showback.selectors.spillover import met_by_callers

Ints = NDArray[np.int64]

PERIODS = (timedelta(days=7), timedelta(days=28))


@dataclass(frozen=True)
class Absorbed:
    """One service, or a group that has no name here (`service` ""). `tier` 0: has none.

    (minutes with refusals, refused attempts) by period; minutes None where only hours are known.
    """

    service: str
    slug: str
    tier: int
    tier_name: str
    minutes: tuple[int | None, ...]
    refused: tuple[int, ...]


def absorbed_by(deployments: Mapping[int, PoolDeployment], *, at: datetime) -> list[Absorbed]:
    """Services that met refusals in 28 days, the most important tier first, then by how many.

    `deployments` are those of one pool, named as the person may know them. One query; a second
    where calls were refused, three more where one that refused them spills over.
    """
    longest = Window(floor_to_hour(at - PERIODS[-1]), at)
    totals: dict[tuple[int, str], list[tuple[int | None, int]]] = {}
    names: dict[tuple[int, str], PoolDeployment] = {}
    starts = [floor_to_hour(at - length) for length in PERIODS]
    by_period = _refused(list(deployments), starts, at)
    shared = shared_windows(longest, by_period[-1]) if by_period[-1] else {}
    met = _met([key for key in by_period[-1] if deployments[key].spills_over], longest)
    for place, since in enumerate(starts):
        for key, counted in by_period[place].items():
            minutes, refused = met[key].since(since) if key in met else counted
            of = deployments[key].as_nobodys() if key in shared else deployments[key]
            line = (of.tier, of.service)
            names[line] = of
            parts = totals.setdefault(line, [(0, 0)] * len(PERIODS))
            known = None if minutes is None or parts[place][0] is None else minutes
            before = parts[place][0] or 0
            parts[place] = (None if known is None else before + known, parts[place][1] + refused)
    lines = [
        Absorbed(
            service=of.service,
            slug=of.slug,
            tier=of.tier,
            tier_name=of.tier_name,
            minutes=tuple(minutes for minutes, _ in totals[line]),
            refused=tuple(refused for _, refused in totals[line]),
        )
        for line, of in names.items()
    ]
    return sorted(
        (line for line in lines if line.refused[-1]),
        key=lambda line: (line.tier or 9, -line.refused[-1], line.service),
    )


@dataclass(frozen=True)
class _Met:
    """The refusals that callers of one deployment met, minute by minute."""

    window: Window
    refused: Ints

    def since(self, at: datetime) -> tuple[int, int]:
        part = self.refused[int((at - self.window.start) / MINUTE) :]
        return int((part > 0).sum()), int(np.maximum(part, 0).sum())


def _met(ids: Collection[int], window: Window) -> dict[int, _Met]:
    """Of those that spill over; without any whose minutes are not known."""
    if not ids:
        return {}
    spilling = metered_deployments(including_gone_since=window.start, ids=ids, spill_over=True)
    whole = Window(window.start, floor_to_minute(window.end))
    found = met_by_callers(spilling, whole)
    return {key: _Met(whole, each) for key, each in found.items() if (each != MISSING).any()}


def _refused(
    ids: list[int], starts: Sequence[datetime], until: datetime
) -> list[dict[int, tuple[int | None, int]]]:
    """From each of the starts on, by deployment that refused any: minutes and attempts. One query;
    the last start is the earliest.
    """
    sums = {}
    for n, since in enumerate(starts):
        sums[f"minutes_{n}"] = Sum("throttled_minutes", filter=Q(hour__gte=since))
        sums[f"refused_{n}"] = Sum("throttled_requests", filter=Q(hour__gte=since))
    hours = UsageHour.objects.filter(deployment_id__in=ids, hour__gte=starts[-1], hour__lt=until)
    refusing = hours.filter(throttled_requests__gt=0).values("deployment_id").order_by()
    rows = list(refusing.annotate(**sums))
    return [
        {
            row["deployment_id"]: (row[f"minutes_{n}"], row[f"refused_{n}"])
            for row in rows
            if row[f"refused_{n}"] is not None
        }
        for n in range(len(starts))
    ]
