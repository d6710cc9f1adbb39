"""Whether a service's data may be where a deployment, or a pool, would process it."""

from collections.abc import Mapping

from django.db.models import Q

from quotas.domain.residency import Place, Reach, why_barred, why_torn
from quotas.models import Deployment, Service
from quotas.selectors.expectations import open_plans

REACH_OF = {
    Service.Residency.REGION: Reach.REGION,
    Service.Residency.DATA_ZONE: Reach.DATA_ZONE,
    Service.Residency.ANYWHERE: Reach.ANYWHERE,
}


def place_of(deployment: Deployment) -> Place:
    return Place(deployment.sku_name, deployment.account.region)


def regions_of(service: Service) -> dict[int, str]:
    """The region of each of its deployments, by id. One query; none, and nothing, for a service
    whose data may be anywhere.
    """
    if REACH_OF[Service.Residency(service.data_residency)] == Reach.ANYWHERE:
        return {}
    return dict(service.deployments.present().values_list("pk", "account__region"))


def home_of(deployment: Deployment, regions: Mapping[int, str]) -> tuple[str, ...]:
    """Where all the others are."""
    return tuple(region for pk, region in regions.items() if pk != deployment.pk)


def why_not_there(service: Service, place: Place, *, but: Deployment | None = None) -> str:
    """A clause that completes "… is barred for this service: "; "" when its data may go there.

    Its home is where its deployments are; `but`: the one that is asked about, if there is one.
    """
    allowed = REACH_OF[Service.Residency(service.data_residency)]
    regions = regions_of(service)
    if but is None or but.pk not in regions:
        return why_barred(allowed, place, regions.values())
    return why_barred(allowed, place) or why_torn(allowed, regions.values())


def barred_already(service: Service) -> list[tuple[Deployment, str]]:
    """What the service has that its residency bars, as `service` says it, saved or not, each with
    the reason: its deployments, and what is planned for it.
    """
    planned = open_plans().filter(service=service).values("deployment")
    there = Q(service=service, gone_at__isnull=True) | Q(pk__in=planned)
    rows = Deployment.objects.filter(there).select_related("account").order_by("pk")
    found = [(each, why_not_there(service, place_of(each), but=each)) for each in rows]
    return [(each, why) for each, why in found if why]
