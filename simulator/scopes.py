"""How far a quota pool reaches: the regimes by name, and the places a pool can be of.

A place is a region (``eastus2``), ``global`` or a data zone (``datazone-us``). ``scopeId`` on the
wire is the region, ``Global`` or the zone in capitals; Azure's own spelling is not verified.
"""

from __future__ import annotations

SCOPES = ("Classic", "Regional", "Global", "DataZone")
"""Regimes as ``scopeType`` writes them; the first two both mean one pool for each region."""
GLOBAL_PLACE = "global"
_ZONE_PREFIX = "datazone-"
# Data zones are the United States and the member states of the EU (Azure documentation).
_ZONES = {
    "us": (
        "centralus", "eastus", "eastus2", "northcentralus", "southcentralus", "westcentralus",
        "westus", "westus2", "westus3",
    ),
    "eu": (
        "austriaeast", "belgiumcentral", "denmarkeast", "francecentral", "germanywestcentral",
        "italynorth", "northeurope", "polandcentral", "spaincentral", "swedencentral", "westeurope",
    ),
}  # fmt: skip
_ZONE_OF = {region: zone for zone, regions in _ZONES.items() for region in regions}


def place_of(scope: str | None, region: str) -> str:
    """The place of the pool that a deployment in ``region`` draws from under a regime.

    A region outside every zone keeps its own pool.
    """
    if scope == "Global":
        return GLOBAL_PLACE
    if scope == "DataZone" and region in _ZONE_OF:
        return f"{_ZONE_PREFIX}{_ZONE_OF[region]}"
    return region


def scope_of_place(place: str) -> str | None:
    """``Global`` or ``DataZone`` for a place that is shared; None for a region."""
    if place == GLOBAL_PLACE:
        return "Global"
    return "DataZone" if place.startswith(_ZONE_PREFIX) else None


def scope_id_of(place: str) -> str:
    """``Global``, ``US``, ``EU`` or the region, as a row's ``scopeId`` says it."""
    if place == GLOBAL_PLACE:
        return "Global"
    return place.removeprefix(_ZONE_PREFIX).upper() if scope_of_place(place) else place
