"""Azure is asked whether it has the capacity before provisioned throughput grows: ten minutes ahead
and just before the write. What it does not tell stops nothing, as the write itself is answered too.
"""

from datetime import timedelta

from portal.kernel.errors import CloudError, CloudReason
from quotas.domain.region_capacity import (
    Available,
    is_short,
    places_for,
    places_sentence,
    shortage_sentence,
)
from quotas.domain.residency import Place, why_barred
from quotas.gateway import CapacityGateway
from quotas.models import Change, Deployment
from quotas.selectors.amounts import step_of
from quotas.selectors.residency import REACH_OF, place_of, regions_of
from quotas.services import gates

ASK_AGAIN = timedelta(minutes=5)


def why_no_capacity(deployment: Deployment, growth: int, *, gateway: CapacityGateway) -> str:
    """A sentence with the places that have it, within the residency of its service; "" where there
    is enough, where Azure does not tell, and for what is not provisioned. Needs the account.
    """
    if not deployment.is_provisioned or growth <= 0:
        return ""
    rows = _rows(deployment, gateway)
    here, step = place_of(deployment), step_of(deployment)
    there = [row.units for row in rows if _is_same(row.place, here)]
    if not there or not is_short(growth, there[0], step):
        return ""
    others = places_for(growth, _allowed(deployment, rows), here)
    return shortage_sentence(deployment.model_name, here, growth, there[0], step, others)


def check_capacity(change: Change, *, gateway: CapacityGateway) -> None:
    """Raises CloudError for a grow that Azure has no capacity for. Where the quota is short as
    well, that is said instead, by who checks it.
    """
    if change.is_shrink or not change.deployment.is_provisioned or gates.missing_room(change):
        return
    growth = change.to_units - change.from_units
    if why := why_no_capacity(change.deployment, growth, gateway=gateway):
        raise CloudError(CloudReason.CAPACITY_NOT_AVAILABLE, why, retry_after=ASK_AGAIN)


def with_places(change: Change, error: CloudError, *, gateway: CapacityGateway) -> CloudError:
    """The same refusal; where Azure refuses for want of capacity, with the places that have it."""
    growth = change.to_units - change.from_units
    is_ours = not error.azure_code  # what we found ourselves names them already
    if error.reason is not CloudReason.CAPACITY_NOT_AVAILABLE or is_ours or growth <= 0:
        return error
    rows = _rows(change.deployment, gateway)
    if not rows:
        return error
    others = places_for(growth, _allowed(change.deployment, rows), place_of(change.deployment))
    return CloudError(
        error.reason,
        f"{error.sentence} {places_sentence(others)}",
        azure_code=error.azure_code,
        azure_message=error.azure_message,
        status=error.status,
        retry_after=error.retry_after,
        maybe_applied=error.maybe_applied,
    )


def _rows(deployment: Deployment, gateway: CapacityGateway) -> tuple[Available, ...]:
    """Nothing where Azure does not tell."""
    try:
        return gateway.available(
            deployment.account.subscription_id,
            model_format=deployment.model_format,
            model_name=deployment.model_name,
            model_version=deployment.model_version,
        )
    except CloudError:
        return ()


def _is_same(place: Place, here: Place) -> bool:
    same_type = place.sku_name.lower() == here.sku_name.lower()
    return same_type and place.region == here.region


def _allowed(deployment: Deployment, rows: tuple[Available, ...]) -> list[Available]:
    """Elsewhere, where the data of its service may be; anywhere where it is of no service alone."""
    here, service = place_of(deployment), deployment.service
    elsewhere = [row for row in rows if not _is_same(row.place, here)]
    if service is None:
        return elsewhere
    reach, home = REACH_OF[service.Residency(service.data_residency)], regions_of(service)
    return [row for row in elsewhere if not why_barred(reach, row.place, home.values())]
