"""The deployments that a pool feeds, with the service that each is mapped to."""

from dataclasses import dataclass, replace

from portal.models import User
from quotas.models import Deployment
from quotas.selectors import words
from quotas.selectors.cards import seen_services

NOBODYS = "shared, or mapped to nobody"


@dataclass(frozen=True)
class PoolDeployment:
    """`slug` "" and `tier` 0 where there is no service, or none that this person may see."""

    service: str
    slug: str
    tier: int
    tier_name: str
    spills_over: bool

    def as_nobodys(self) -> "PoolDeployment":
        return replace(self, service=NOBODYS, slug="", tier=0, tier_name="")


def pool_deployments(pool_id: int, user: User) -> dict[int, PoolDeployment]:
    """By id, gone ones too: their refusals were met all the same."""
    sees = seen_services(user)
    rows = Deployment.objects.filter(pool_id=pool_id).select_related("service")
    return {row.pk: _of(row, sees) for row in rows}


def _of(row: Deployment, sees: set[int] | None) -> PoolDeployment:
    service, spills = row.service, bool(row.spillover_deployment_name)
    if service is None:
        return PoolDeployment(NOBODYS, "", 0, "", spills)
    if sees is not None and service.pk not in sees:
        return PoolDeployment(words.ANOTHER_TEAM, "", 0, "", spills)
    tier = service.get_tier_display()
    return PoolDeployment(service.name, service.slug, service.tier, tier, spills)
