"""Azure regions by the data zone whose prices hold there."""

ZONES: dict[str, frozenset[str]] = {
    "zone:us": frozenset(
        "centralus eastus eastus2 northcentralus southcentralus westcentralus westus westus2 "
        "westus3".split()
    ),
    "zone:eu": frozenset(
        "francecentral germanywestcentral italynorth northeurope polandcentral spaincentral "
        "swedencentral westeurope".split()
    ),
}


def region_scopes(region: str) -> tuple[str, ...]:
    """The scopes whose prices hold in a region, the most exact first; "" is everywhere."""
    zones = tuple(zone for zone, regions in ZONES.items() if region in regions)
    return (region, *zones, "")
