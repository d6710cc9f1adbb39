"""Azure is asked whether it has the capacity before provisioned throughput grows: ten minutes ahead
and just before the write. What it does not tell stops nothing, as the write itself is answered too.

Whoever asks for more is told as well, by what Azure said at the last sync: a form waits for nobody.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from django.db import transaction

from portal.kernel.errors import CloudError, CloudReason
from quotas.domain.region_capacity import (
    Available,
    expected_sentence,
    is_short,
    places_for,
    places_sentence,
    shortage_sentence,
)
from quotas.domain.residency import Place, why_barred
from quotas.gateway import CapacityGateway
from quotas.models import Change, Deployment, RegionCapacity
from quotas.selectors.amounts import step_of
from quotas.selectors.residency import REACH_OF, place_of, regions_of
from quotas.services import gates

ASK_AGAIN, TOO_OLD = timedelta(minutes=5), timedelta(hours=1)
MODEL = ("model_format", "model_name", "model_version")


def why_no_capacity(deployment: Deployment, growth: int, *, gateway: CapacityGateway) -> str:
    """A sentence with the places that have it, within the residency of its service; "" where there
    is enough, where Azure does not tell, and for what is not provisioned. Needs the account.
    """
    if not deployment.is_provisioned or growth <= 0:
        return ""
    return _shortage(deployment, growth, _rows(deployment, gateway), shortage_sentence)


def expected_shortage(deployment: Deployment, growth: int, *, at: datetime) -> str:
    """The same for whoever asks for so much more, by what Azure said in the last hour. One query,
    of provisioned deployments only.
    """
    if not deployment.is_provisioned or growth <= 0:
        return ""
    known = RegionCapacity.objects.filter(**_model(deployment), observed_at__gt=at - TOO_OLD)
    rows = tuple(Available(Place(row.sku_name, row.region), row.units) for row in known)
    return _shortage(deployment, growth, rows, expected_sentence)


def _shortage(
    deployment: Deployment,
    growth: int,
    rows: tuple[Available, ...],
    sentence: Callable[..., str],
) -> str:
    here, step = place_of(deployment), step_of(deployment)
    there = [row.units for row in rows if _is_same(row.place, here)]
    if not there or not is_short(growth, there[0], step):
        return ""
    others = places_for(growth, _allowed(deployment, rows), here)
    return sentence(deployment.model_name, here, growth, there[0], step, others)


def note_capacities(subscription_id: str, *, gateway: CapacityGateway, at: datetime) -> int:
    """Asks Azure of each model that is provisioned in the subscription, and keeps what it says.
    What it does not tell stays as it was, with its time. Returns of how many models it told.
    """
    there = Deployment.objects.present().filter(
        account__subscription_id=subscription_id, sku_name__icontains="provisioned"
    )
    one_of_each = there.select_related("account").order_by(*MODEL).distinct(*MODEL)
    told = 0
    for deployment in one_of_each:
        if rows := _rows(deployment, gateway):
            _keep(_model(deployment), rows, at=at)
            told += 1
    return told


@transaction.atomic
def _keep(model: dict[str, str], rows: Iterable[Available], *, at: datetime) -> None:
    RegionCapacity.objects.filter(**model).delete()
    places = {(row.place.sku_name, row.place.region): row.units for row in rows}
    RegionCapacity.objects.bulk_create(
        RegionCapacity(**model, sku_name=sku, region=region, units=units, observed_at=at)
        for (sku, region), units in places.items()
    )


def _model(deployment: Deployment) -> dict[str, str]:
    own = {name: getattr(deployment, name) for name in MODEL}
    return {"subscription_id": deployment.account.subscription_id, **own}


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
        return gateway.available(**_model(deployment))
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
