"""Who absorbs the refusals of a pool: by tier and service, over the last days.

From hours, so that it stays quick for any number of deployments. Only refusals of dedicated
deployments are a service's own; those of a shared one, and of one that nobody has mapped, are
together a line that says so.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from portal.kernel.windows import Window, floor_to_hour
from portal.models import User
from quotas.selectors.pool_deployments import PoolDeployment, pool_deployments
from showback.models import UsageHour
from showback.selectors.sharing import shared_windows

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


def absorbed_by(pool_id: int, user: User, *, at: datetime) -> list[Absorbed]:
    """Services that met refusals in 28 days, the most important tier first, then by how many.

    Services that this person may not see are one line. Three queries, four where one is shared.
    """
    longest = Window(floor_to_hour(at - PERIODS[-1]), at)
    deployments = pool_deployments(pool_id, user)
    shared = shared_windows(longest, deployments)
    totals: dict[tuple[int, str], list[tuple[int | None, int]]] = {}
    names: dict[tuple[int, str], PoolDeployment] = {}
    for place, length in enumerate(PERIODS):
        since = floor_to_hour(at - length)
        for key, (minutes, refused) in _refused(list(deployments), since, at).items():
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


def _refused(ids: list[int], since: datetime, until: datetime) -> dict[int, tuple[int | None, int]]:
    rows = (
        UsageHour.objects.filter(deployment_id__in=ids, hour__gte=since, hour__lt=until)
        .filter(throttled_requests__gt=0)
        .values("deployment_id")
        .annotate(minutes=Sum("throttled_minutes"), refused=Sum("throttled_requests"))
        .order_by()
    )
    return {row["deployment_id"]: (row["minutes"], row["refused"]) for row in rows}
