"""The refusal of a write that quota allows and Azure's own capacity does not.

What Azure answers then is not verified; here it is the opaque 400 that is reported for several
causes of the kind, in its own words.
"""

from __future__ import annotations

from simulator.state import State
from simulator.web import ArmError
from simulator.world import Deployment


def check_service_capacity(
    state: State, wanted: Deployment, units: int, old: Deployment | None
) -> None:
    """Raises ArmError 400 when the region has too few units of the SKU left; a shrink fits.

    What ``old`` holds of the same SKU it gives back, also when its model, and so its pool, changes.
    """
    same_sku = old is not None and old.sku.name == wanted.sku.name
    more = units - (state.capacity(old) if old is not None and same_sku else 0)
    left = state.service_capacity.left(wanted.region, wanted.sku.name)
    if more <= 0 or left is None or more <= left:
        return
    raise ArmError(
        400, "715-123420",
        "An error occurred. Please reach out to support for additional assistance.",
    )  # fmt: skip
