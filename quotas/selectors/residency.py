"""Whether a service's data may be where a deployment, or a pool, would process it."""

from quotas.domain.residency import Place, Reach, why_barred
from quotas.models import Deployment, Service

REACH_OF = {
    Service.Residency.REGION: Reach.REGION,
    Service.Residency.DATA_ZONE: Reach.DATA_ZONE,
    Service.Residency.ANYWHERE: Reach.ANYWHERE,
}


def place_of(deployment: Deployment) -> Place:
    return Place(deployment.sku_name, deployment.account.region)


def why_not_there(service: Service, place: Place, *, but: Deployment | None = None) -> str:
    """A clause that completes "… is barred for this service: "; "" when its data may go there.

    Its home is where its deployments are, `but` the one that is asked about.
    """
    allowed = REACH_OF[Service.Residency(service.data_residency)]
    if allowed == Reach.ANYWHERE:
        return ""
    others = service.deployments.present().exclude(pk=but.pk if but else None)
    return why_barred(allowed, place, others.values_list("account__region", flat=True))
