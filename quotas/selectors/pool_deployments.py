"""The deployments that a pool feeds, with the service that each is mapped to."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from portal.kernel.units import UnitRate
from quotas.models import Deployment, Pool
from quotas.selectors import words
from quotas.selectors.pool_rates import PoolRate, rate_of
from quotas.selectors.spillover import spillover_problem

NOBODYS = "shared, or mapped to nobody"


@dataclass(frozen=True)
class PoolDeployment:
    """`slug` "" and `tier` 0 where there is no service, or none that this person may see."""

    service: str
    slug: str
    tier: int
    tier_name: str
    spills_over: bool
    spills_wrong: bool  # to one that cannot take its calls
    is_there: bool
    rate: UnitRate

    def as_nobodys(self) -> "PoolDeployment":
        return replace(self, service=NOBODYS, slug="", tier=0, tier_name="")


def pool_deployments(pool_id: int, sees: set[int] | None) -> dict[int, PoolDeployment]:
    """By id, gone ones too: their refusals were met all the same. `sees` are the services that the
    person may see; None: all. One query.
    """
    fed = Deployment.objects.filter(pool_id=pool_id).with_spill_target()
    rows = fed.select_related("service").order_by()
    return {row.pk: _of(row, sees) for row in rows}


def rate_among(pool: Pool, deployments: Mapping[int, PoolDeployment]) -> PoolRate:
    """What a unit of the pool gives, by those of its deployments that are there."""
    return rate_of(pool, list({each.rate for each in deployments.values() if each.is_there}))


def _of(row: Deployment, sees: set[int] | None) -> PoolDeployment:
    service, facts = (
        row.service,
        (
            bool(row.spillover_deployment_name),
            bool(spillover_problem(row)),
            row.gone_at is None,
            row.rate,
        ),
    )
    if service is None:
        return PoolDeployment(NOBODYS, "", 0, "", *facts)
    if sees is not None and service.pk not in sees:
        return PoolDeployment(words.ANOTHER_TEAM, "", 0, "", *facts)
    return PoolDeployment(
        service.name, service.slug, service.tier, service.get_tier_display(), *facts
    )
