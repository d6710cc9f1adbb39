"""Deployments as a client asks for them, through the SDK and without it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices import models as m

from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk, account_id
from simulator.tests.worlds import REGION

POOL = "OpenAI.GlobalStandard.gpt-4o"
VERSION = "2024-11-20"


def wanted(
    capacity: int = 30,
    sku: str = "GlobalStandard",
    version: str = VERSION,
    **properties: Any,
) -> m.Deployment:
    """A gpt-4o deployment as a client asks for it."""
    model = m.DeploymentModel(format="OpenAI", name="gpt-4o", version=version)
    return m.Deployment(
        sku=m.Sku(name=sku, capacity=capacity),
        properties=m.DeploymentProperties(model=model, **properties),
    )


def put(sdk: Sdk, name: str, body: Any, account: str = "one", **headers: str) -> m.Deployment:
    """PUT and wait for the end."""
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    poller = sdk.arm.deployments.begin_create_or_update(GROUP, account, name, body, headers=given)
    return poller.result(timeout=20)


def patch(sdk: Sdk, name: str, body: Any, **headers: str) -> m.Deployment:
    """PATCH and wait for the end."""
    given = {key.replace("_", "-"): value for key, value in headers.items()}
    return sdk.arm.deployments.begin_update(GROUP, "one", name, body, headers=given).result(20)


def refusal(action: Any) -> tuple[int, str, str]:
    """(status, code, message) of a refused call."""
    with pytest.raises(HttpResponseError) as caught:
        action()
    error = caught.value.error
    assert error is not None
    return caught.value.status_code, error.code, error.message


def raw(
    simulator: SimulatorProcess, method: str, name: str, body: Any = None, **headers: str
) -> httpx.Response:
    """A call on a deployment of account one without the SDK."""
    token = simulator.token("https://management.azure.com")
    with simulator.http() as http:
        return http.request(
            method,
            f"{account_id('one')}/deployments/{name}?api-version=2025-09-01",
            json=body,
            headers={"Authorization": f"Bearer {token}", **headers},
        )


def names(sdk: Sdk) -> list[str]:
    return [each.name for each in sdk.arm.deployments.list(GROUP, "one")]


def allocated(sdk: Sdk, pool: str = POOL) -> float:
    return next(row.current_value for row in sdk.arm.usages.list(REGION) if row.name.value == pool)


def begin_put(sdk: Sdk, name: str, capacity: int = 30, **arguments: Any) -> Any:
    body = wanted(capacity)
    return sdk.arm.deployments.begin_create_or_update(GROUP, "one", name, body, **arguments)


def begin_patch(sdk: Sdk, name: str, capacity: int, **arguments: Any) -> Any:
    body = m.PatchResourceTagsAndSku(sku=m.Sku(name="GlobalStandard", capacity=capacity))
    return sdk.arm.deployments.begin_update(GROUP, "one", name, body, **arguments)


def poll(simulator: SimulatorProcess, url: str) -> Any:
    """GET of an address the service gave."""
    token = simulator.token("https://management.azure.com")
    with simulator.http() as http:
        return http.get(url, headers={"Authorization": f"Bearer {token}"})
