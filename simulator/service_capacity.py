"""What Azure itself has: a quota is a permission, not a machine.

The units that a region has for a SKU, all subscriptions and models together, unless nothing is said
(then there is always enough). What deployments already hold stays theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from simulator.world import Deployment, World

Held = Callable[[], Iterable[tuple[Deployment, int]]]
"""All deployments that hold something now, and their units."""


class ServiceCapacity:
    """Units by region and SKU."""

    def __init__(self, world: World, held: Held, stored: list[dict[str, Any]] | None) -> None:
        self._held = held
        self._units = {(r, sku.lower()): n for (r, sku), n in world.service_capacity.items()}
        if stored is not None:
            self._units = {(row["region"], row["sku"]): row["units"] for row in stored}

    def put(self, region: str, sku: str, units: int | None) -> None:
        """From now on a region has so many units of a SKU; None for as many as anyone wants."""
        if units is None:
            self._units.pop((region, sku.lower()), None)
        else:
            self._units[region, sku.lower()] = units

    def left(self, region: str, sku: str) -> int | None:
        """Units still to be had; None when there is no end to them."""
        units = self._units.get((region, sku.lower()))
        if units is None:
            return None
        key = (region, sku.lower())
        taken = sum(n for each, n in self._held() if (each.region, each.sku.name.lower()) == key)
        return max(units - taken, 0)

    def as_json(self) -> list[dict[str, Any]]:
        """Rows for the control API and the state folder."""
        return [
            {"region": region, "sku": sku, "units": units}
            for (region, sku), units in self._units.items()
        ]
