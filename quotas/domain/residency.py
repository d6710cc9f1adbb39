"""Where a deployment may process data, and whether a service's data may go there. Pure.

Azure's deployment types say how far a request may travel: `Standard` and `ProvisionedManaged` stay
in the region of the account (some of Azure's documents promise its geography), `DataZone…` anywhere
in its data zone, `Global…` anywhere. Data at rest stays in the region in every type. Sources:
"Azure OpenAI deployment types" and "Data, privacy, and security for Azure OpenAI"
(learn.microsoft.com): data zones are the United States and the member states of the European Union;
regions by "Azure geographies" (Norway, Switzerland and the United Kingdom lie outside of it). What
is not in the table is not known, and what is not known is barred.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

ZONES = {
    "US": (
        "centralus eastus eastus2 northcentralus southcentralus westcentralus "
        "westus westus2 westus3"
    ),
    "EU": (
        "austriaeast belgiumcentral denmarkeast francecentral francesouth germanynorth "
        "germanywestcentral italynorth northeurope polandcentral spaincentral swedencentral "
        "swedensouth westeurope"
    ),
}
ZONE_OF = {region: zone for zone, regions in ZONES.items() for region in regions.split()}
REGIONAL_SKUS = frozenset({"standard", "provisionedmanaged"})


class Reach(IntEnum):
    """How far the data of a request may travel; a larger one includes the smaller."""

    REGION = 1
    DATA_ZONE = 2
    ANYWHERE = 3


@dataclass(frozen=True)
class Place:
    """A deployment type in a region."""

    sku_name: str
    region: str

    @property
    def reach(self) -> Reach | None:
        """None for a type that this module does not know."""
        sku = self.sku_name.lower()
        if sku.startswith("global"):
            return Reach.ANYWHERE
        if sku.startswith("datazone"):
            return Reach.DATA_ZONE
        return Reach.REGION if sku in REGIONAL_SKUS else None

    @property
    def zone(self) -> str | None:
        """US or EU; None outside of both."""
        return ZONE_OF.get(self.region)


def why_barred(allowed: Reach, place: Place, home: Iterable[str] = ()) -> str:
    """Why data that may travel no further than `allowed` must not go there; "" when it may.

    `home` are the regions in which the service is already: "its region" and "its data zone" are
    theirs, so nothing outside of any of them is allowed. A service that is nowhere yet may begin in
    any.
    """
    if allowed == Reach.ANYWHERE:
        return ""
    if place.reach is None:
        return f"where a {place.sku_name} deployment processes data is not known"
    if place.reach > allowed:
        return _too_far(allowed, place)
    regions = sorted(set(home))
    others = [region for region in regions if region != place.region]
    if allowed == Reach.REGION and others:
        return f"its data stays in {' and '.join(others)}, and this is in {place.region}"
    if allowed == Reach.DATA_ZONE:
        return _other_zone(place, regions)
    return ""


def _too_far(allowed: Reach, place: Place) -> str:
    stays = "its region" if allowed == Reach.REGION else "its data zone"
    goes = "any region of the world" if place.reach == Reach.ANYWHERE else "any of its data zone"
    return f"its data stays in {stays}, and a {place.sku_name} deployment may process it in {goes}"


def _other_zone(place: Place, home: list[str]) -> str:
    here = place.zone or place.region
    others = sorted(_zones(home) - {here})
    if place.reach == Reach.DATA_ZONE and place.zone is None:
        return f"which data zone {place.region} belongs to is not known"
    if others:
        return f"its data stays in {' and '.join(others)}, and {place.region} is in {here}"
    return ""


def why_torn(allowed: Reach, regions: Iterable[str]) -> str:
    """Why a service is barred wherever it is, with deployments in these regions: its data stays in
    one region, or one zone, and nobody has said which of several. "" where it is in one.
    """
    found, one = set(regions), "region"
    if allowed == Reach.DATA_ZONE:
        found, one = _zones(found), "data zone"
    if allowed == Reach.ANYWHERE or len(found) < 2:
        return ""
    return f"its data stays in one {one}, and it has deployments in {' and '.join(sorted(found))}"


def _zones(regions: Iterable[str]) -> set[str]:
    """A region outside both zones is a zone of its own."""
    return {ZONE_OF.get(region, region) for region in regions}
