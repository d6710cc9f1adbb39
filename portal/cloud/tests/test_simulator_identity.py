"""Tokens that Azure refuses, and clients after a fork, against the simulated Azure."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions

from portal.cloud import inventory
from portal.cloud.capacity import AzureCapacity
from portal.cloud.clients import arm_client, build_arm_client
from portal.cloud.tests.simulated import (
    CHAT,
    SUBSCRIPTION,
    arm_requests,
)
from portal.kernel.errors import CloudError, CloudReason
from stack.simulator_process import SimulatorProcess


class FixedToken:
    """A credential with one token, taken from the simulator's token endpoint."""

    def __init__(self, resource: str) -> None:
        answer = requests.get(
            os.environ["IDENTITY_ENDPOINT"],
            params={"api-version": "2019-08-01", "resource": resource},
            headers={"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]},
            timeout=5,
        )
        self._token = answer.json()["access_token"]

    def get_token(self, *_: str, **__: Any) -> Any:
        raise NotImplementedError

    def get_token_info(
        self, *_: str, options: TokenRequestOptions | None = None
    ) -> AccessTokenInfo:
        return AccessTokenInfo(self._token, int(time.time()) + 3600)


def capacity_credential() -> FixedToken:
    return FixedToken("https://management.azure.com")


def inventory_with(credential: FixedToken, simulator: SimulatorProcess) -> CloudError:
    endpoint = simulator.environment["AZURE_ARM_ENDPOINT"]
    arm = build_arm_client(credential, endpoint, SUBSCRIPTION)
    with pytest.raises(CloudError) as caught:
        inventory.InventoryReader(arm, SUBSCRIPTION).read()
    return caught.value


def test_a_token_for_another_plane_is_refused(simulator: SimulatorProcess) -> None:
    refusal = inventory_with(FixedToken("https://metrics.monitor.azure.com"), simulator)
    assert (refusal.reason, refusal.status) == (CloudReason.FORBIDDEN, 401)
    assert "did not accept the portal's sign-in" in refusal.sentence
    assert refusal.azure_code


def test_an_expired_token_is_refused(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"token_seconds": 1})
    expired = capacity_credential()
    time.sleep(2.1)
    refusal = inventory_with(expired, simulator)
    assert (refusal.reason, refusal.status) == (CloudReason.FORBIDDEN, 401)
    assert "the token is expired" in refusal.sentence


def test_an_identity_without_a_token_is_told_apart_from_a_refusal(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    with pytest.raises(CloudError) as caught:
        AzureCapacity().inventory(SUBSCRIPTION)
    assert caught.value.reason is CloudReason.UNKNOWN
    assert "its identity gave no token" in caught.value.sentence
    assert arm_requests(simulator) == []


def test_threads_share_one_client(simulator: SimulatorProcess) -> None:
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: AzureCapacity().read(CHAT), range(64)))
    assert {one.resource_id for one in found} == {CHAT}
    assert [row["status"] for row in arm_requests(simulator, "GET")] == [200] * 64


def test_a_forked_child_uses_clients_of_its_own(simulator: SimulatorProcess) -> None:
    assert AzureCapacity().read(CHAT).capacity_units == 100
    parents = arm_client(SUBSCRIPTION)
    children = [forked_read(parents) for _ in range(3)]
    assert AzureCapacity().read(CHAT).capacity_units == 100
    for child in children:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
    assert arm_client(SUBSCRIPTION) is parents


def forked_read(parents: object) -> int:
    """Forks; the child's exit code is nought when a client of its own read the deployment."""
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        own = arm_client(SUBSCRIPTION)
        if own is not parents and AzureCapacity().read(CHAT).capacity_units == 100:
            code = 0
    finally:
        os._exit(code)
