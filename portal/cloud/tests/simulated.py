"""The simulated Azure of these tests: one deployment, writes to it, and what Azure saw of them."""

from typing import Any

import pytest

from portal.cloud.capacity import AzureCapacity
from portal.kernel.errors import CloudError
from quotas.gateway import WriteAnswer
from stack.simulator_process import SimulatorProcess

SUBSCRIPTION = "11111111-1111-4111-8111-111111111111"
ACCOUNT = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-ai-east/providers"
    "/Microsoft.CognitiveServices/accounts/contoso-east"
)
CHAT = f"{ACCOUNT}/deployments/chat"
PATCH_CHAT = "PATCH .*deployments/chat"


def write(units: int) -> WriteAnswer:
    return AzureCapacity().begin_write(
        CHAT, sku_name="GlobalStandard", units=units, request_id="change-7"
    )


def refused_write(units: int = 101) -> CloudError:
    with pytest.raises(CloudError) as caught:
        write(units)
    return caught.value


def arm_requests(simulator: SimulatorProcess, method: str = "") -> list[dict[str, Any]]:
    """What Azure saw on the ARM plane (not the token endpoint), in order."""
    return [
        row
        for row in simulator.control("GET", "/log?since=0")
        if row["path"].startswith("/subscriptions") and method in ("", row["method"])
    ]


def capacity_in(simulator: SimulatorProcess) -> int:
    """What the simulated Azure itself holds for the deployment, past all clients."""
    [capacity_units] = [
        deployment["capacity"]
        for account in simulator.control("GET", "/state")["accounts"]
        for deployment in account["deployments"]
        if (account["name"], deployment["name"]) == ("contoso-east", "chat")
    ]
    return int(capacity_units)
