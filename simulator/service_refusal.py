"""The refusal of a write that quota allows and Azure's own capacity does not.

What Azure answers then is not verified; here it is the opaque 400 that is reported for several
causes of the kind, in its own words.
"""

from __future__ import annotations

from simulator.state import State
from simulator.web import ArmError
from simulator.world import Deployment


def check_service_capacity(state: State, deployment: Deployment, more: int) -> None:
    """Raises ArmError 400 when a region has not ``more`` units of the SKU left; a shrink fits."""
    left = state.service_capacity.left(deployment.region, deployment.sku.name)
    if more <= 0 or left is None or more <= left:
        return
    raise ArmError(
        400, "715-123420",
        "An error occurred. Please reach out to support for additional assistance.",
    )  # fmt: skip
