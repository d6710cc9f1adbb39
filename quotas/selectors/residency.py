"""Whether a service's data may be where a deployment, or a pool, would process it."""

from collections.abc import Iterable

from quotas.domain.residency import Place, Reach, why_barred
from quotas.models import Deployment, Service

REACH_OF = {
    Service.Residency.REGION: Reach.REGION,
    Service.Residency.DATA_ZONE: Reach.DATA_ZONE,
    Service.Residency.ANYWHERE: Reach.ANYWHERE,
}


def place_of(deployment: Deployment) -> Place:
    return Place(deployment.sku_name, deployment.account.region)


def home_of(service: Service, asked: Iterable[Deployment]) -> dict[int, tuple[str, ...]]:
    """Of each deployment that is asked about: the regions of all the others of the service. One
    query; none for a service whose data may be anywhere.
    """
    if REACH_OF[Service.Residency(service.data_residency)] == Reach.ANYWHERE:
        return {each.pk: () for each in asked}
    regions = dict(service.deployments.present().values_list("pk", "account__region"))
    return {
        each.pk: tuple(region for pk, region in regions.items() if pk != each.pk) for each in asked
    }


def why_not_there(service: Service, place: Place, *, but: Deployment | None = None) -> str:
    """A clause that completes "… is barred for this service: "; "" when its data may go there.

    Its home is where its deployments are, `but` the one that is asked about.
    """
    allowed = REACH_OF[Service.Residency(service.data_residency)]
    if allowed == Reach.ANYWHERE:
        return ""
    others = service.deployments.present().exclude(pk=but.pk if but else None)
    return why_barred(allowed, place, others.values_list("account__region", flat=True))
