"""Where a deployment could be planned instead, as links to the form that plans it, filled in."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode

from portal.kernel.shown import Shown
from portal.kernel.units import UnitRate
from quotas.domain.openings import Opening
from quotas.models import Deployment, Service
from quotas.selectors import words
from quotas.selectors.places import Spot, key_of, model_of

LONGEST_NAME = 64  # of a deployment


@dataclass(frozen=True)
class PlaceOffer:
    """`url` is the form in which it is planned. `is_all`: its first baseline is all that is asked;
    else the rest is asked once the deployment is there.
    """

    label: str
    hint: str
    url: str
    is_all: bool


def place_offer(
    opening: Opening, spot: Spot, service: Service, deployment: Deployment
) -> PlaceOffer:
    """`deployment` is the one that was asked of."""
    is_all = opening.first == opening.in_all
    first = _amount(spot, opening.first)
    return PlaceOffer(
        label=f"Plan a deployment: {words.sku_name(opening.place.sku_name)} in "
        f"{opening.place.region}",
        hint=f"{spot.account.name}, {first} first" + ("" if is_all else ", the rest fits on top"),
        url=f"{reverse('service_plan', args=[service.slug])}?"
        + urlencode(_filled_in(opening, spot, service, deployment)),
        is_all=is_all,
    )


def _amount(spot: Spot, units: int) -> Shown:
    return words.amount(_as_deployment(spot), units)


def _as_deployment(spot: Spot) -> Deployment:
    """Unsaved: what a deployment there would be, for its words."""
    model = spot.model
    return Deployment(
        sku_name=model.sku_name, tokens_per_minute_per_unit=model.tokens_per_minute_per_unit
    )


def _filled_in(
    opening: Opening, spot: Spot, service: Service, deployment: Deployment
) -> dict[str, Any]:
    """What is known of the form's fields. How quick and when it is used is for people to say; so is
    what PTUs are to serve.
    """
    rate: UnitRate = spot.model.rate
    tokens = None if deployment.is_provisioned else rate.tokens(opening.first)
    return {
        "model": key_of(model_of(deployment)),
        "home": deployment.account.region,
        "place": opening.key,
        "deployment_name": _name(spot, service, deployment),
        **({"tokens_per_minute": f"{tokens:,}"} if tokens else {}),
    }


def _name(spot: Spot, service: Service, deployment: Deployment) -> str:
    """As the service is called; in the same account, of which names are its own, with the type."""
    if spot.account.pk != deployment.account_id:
        return service.slug
    return f"{service.slug}-{spot.model.sku_name.lower()}"[:LONGEST_NAME]
