"""AzureCapacity against the simulated Azure, over real HTTPS and the real SDKs."""

import os
import time
from datetime import timedelta
from typing import Any

import pytest
import requests
from azure.core.credentials import AccessTokenInfo, TokenRequestOptions

from portal.cloud import clients, inventory
from portal.cloud.capacity import AzureCapacity
from portal.cloud.clients import arm_client, build_arm_client
from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.units import UnitRate
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


# ── Reading ──────────────────────────────────────────────────────────────────────────────────


def test_the_inventory_holds_the_whole_world(simulator: SimulatorProcess) -> None:
    world = simulator.control("GET", "/state")
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    assert seen.problems == ()
    assert seen.unreadable_accounts == ()
    assert {(a.name, a.region, a.kind) for a in seen.accounts} == {
        ("contoso-east", "eastus2", "OpenAI"),
        ("contoso-north", "swedencentral", "AIServices"),
    }
    assert {(d.account_resource_id, d.name, d.capacity_units) for d in seen.deployments} == {
        (account["id"], deployment["name"], deployment["capacity"])
        for account in world["accounts"]
        for deployment in account["deployments"]
    }
    limits = {(q.region, q.usage_name): (q.limit_units, q.used_units) for q in seen.quotas}
    for limit in world["limits"]:
        key = (limit["region"], limit["usage_name"])
        assert limits[key] == (limit["limit"], limit["allocated"])


def test_every_deployment_finds_its_pool_through_the_models(simulator: SimulatorProcess) -> None:
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    usage_name_of = {
        (sku.region, sku.model_name, sku.model_version, sku.sku_name): sku.usage_name
        for sku in seen.model_skus
    }
    region_of = {account.resource_id: account.region for account in seen.accounts}
    pools = {(quota.region, quota.usage_name.lower()) for quota in seen.quotas}
    assert len(usage_name_of) == len(seen.model_skus)
    for found in seen.deployments:
        region = region_of[found.account_resource_id]
        key = (region, found.model_name, found.model_version, found.sku_name)
        assert (region, usage_name_of[key].lower()) in pools


def test_a_deployment_as_it_is_now(simulator: SimulatorProcess) -> None:
    found = AzureCapacity().read(CHAT)
    assert (found.resource_id, found.account_resource_id) == (CHAT, ACCOUNT)
    assert (found.model_format, found.model_name, found.model_version) == (
        "OpenAI",
        "gpt-4o",
        "2024-11-20",
    )
    assert (found.sku_name, found.capacity_units) == ("GlobalStandard", 100)
    assert found.provisioning_state == "Succeeded"
    assert (found.tokens_per_minute, found.requests_per_minute) == (100_000, 600)
    assert found.etag
    assert AzureCapacity().read(f"{ACCOUNT}/deployments/ptu").spillover_deployment_name == "chat"


def test_the_rate_of_a_unit_is_azures_own(simulator: SimulatorProcess) -> None:
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    [sku] = [
        sku
        for sku in seen.model_skus
        if (sku.region, sku.model_name, sku.model_version, sku.sku_name)
        == ("eastus2", "gpt-4o", "2024-11-20", "GlobalStandard")
    ]
    assert sku.rate == UnitRate(tokens_per_minute=1000, requests_per_minute=6)


def test_lists_of_several_pages_are_read_to_the_end(simulator: SimulatorProcess) -> None:
    whole = AzureCapacity().inventory(SUBSCRIPTION)
    simulator.control("POST", "/knobs", {"page_size": 1})
    assert AzureCapacity().inventory(SUBSCRIPTION).deployments == whole.deployments


def test_one_unreadable_account_is_a_sentence_not_the_end(simulator: SimulatorProcess) -> None:
    fault = {"match": "GET .*contoso-east/deployments", "status": 403, "times": 0}
    simulator.control("POST", "/faults", fault)
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    assert seen.unreadable_accounts == (ACCOUNT,)
    assert {found.name for found in seen.deployments} == {"search", "code"}
    assert len(seen.accounts) == 2
    [problem] = seen.problems
    assert "list the deployments of account contoso-east" in problem


def test_one_unreadable_region_is_a_sentence_not_the_end(simulator: SimulatorProcess) -> None:
    for what in ("usages", "models"):
        fault = {"match": f"GET .*locations/eastus2/{what}", "status": 403, "times": 0}
        simulator.control("POST", "/faults", fault)
    seen = AzureCapacity().inventory(SUBSCRIPTION)
    assert {quota.region for quota in seen.quotas} == {"swedencentral"}
    assert {sku.region for sku in seen.model_skus} == {"swedencentral"}
    assert len(seen.problems) == 2
    assert seen.unreadable_accounts == ()


def test_an_unreadable_subscription_is_an_error(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        AzureCapacity().inventory("99999999-9999-4999-8999-999999999999")
    assert caught.value.reason is CloudReason.NOT_FOUND
    assert caught.value.azure_code == "SubscriptionNotFound"


def test_a_deployment_that_is_gone(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        AzureCapacity().read(f"{ACCOUNT}/deployments/gone")
    assert caught.value.reason is CloudReason.NOT_FOUND


def test_something_that_is_no_resource_id_asks_azure_nothing(simulator: SimulatorProcess) -> None:
    with pytest.raises(CloudError) as caught:
        AzureCapacity().read("/subscriptions/x/resourceGroups/y")
    assert caught.value.reason is CloudReason.BAD_REQUEST
    assert arm_requests(simulator) == []


# ── Writing ──────────────────────────────────────────────────────────────────────────────────


def test_a_write_sets_the_capacity_by_one_patch(simulator: SimulatorProcess) -> None:
    assert write(130) == WriteAnswer(done=True)
    after = AzureCapacity().read(CHAT)
    assert (after.capacity_units, after.tokens_per_minute) == (130, 130_000)
    [patch] = arm_requests(simulator, "PATCH")
    assert patch["body"] == {"sku": {"name": "GlobalStandard", "capacity": 130}}
    assert [row["method"] for row in arm_requests(simulator)] == ["PATCH", "GET"]


def test_a_pool_without_room(simulator: SimulatorProcess) -> None:
    refusal = refused_write(1_000)
    assert refusal.reason is CloudReason.INSUFFICIENT_QUOTA
    assert refusal.azure_code == "InsufficientQuota"
    assert refusal.azure_message.startswith("This operation require 900 new capacity in quota")
    assert "set deployment chat of account contoso-east to 1000 units" in refusal.sentence
    assert refusal.maybe_applied is False
    assert AzureCapacity().read(CHAT).capacity_units == 100


@pytest.mark.parametrize(
    ("status", "code", "reason", "in_doubt"),
    [
        (429, "TooManyRequests", CloudReason.THROTTLED, False),
        (409, "RequestConflict", CloudReason.CONFLICT, False),
        (400, "InsufficientQuota", CloudReason.INSUFFICIENT_QUOTA, False),
        (403, "AuthorizationFailed", CloudReason.FORBIDDEN, False),
        (404, "ResourceNotFound", CloudReason.NOT_FOUND, False),
        (503, "ServiceUnavailable", CloudReason.UNKNOWN, True),
    ],
)
def test_a_refused_write_is_sent_once_and_told_at_once(
    simulator: SimulatorProcess, status: int, code: str, reason: CloudReason, in_doubt: bool
) -> None:
    simulator.control(
        "POST",
        "/faults",
        {
            "match": PATCH_CHAT,
            "status": status,
            "headers": {"Retry-After": "300"},
            "body": {"error": {"code": code, "message": "No."}},
            "times": 0,
        },
    )
    started = time.monotonic()
    refusal = refused_write()
    assert time.monotonic() - started < 5
    assert (refusal.reason, refusal.azure_code, refusal.status) == (reason, code, status)
    assert refusal.retry_after == timedelta(seconds=300)
    assert refusal.maybe_applied is in_doubt
    assert len(arm_requests(simulator, "PATCH")) == 1


@pytest.mark.parametrize(("drop", "capacity_after"), [("before", 100), ("after", 101)])
def test_an_aborted_write_is_in_doubt_and_not_repeated(
    simulator: SimulatorProcess, drop: str, capacity_after: int
) -> None:
    simulator.control("POST", "/faults", {"match": PATCH_CHAT, "drop": drop, "times": 0})
    failure = refused_write()
    assert failure.reason is CloudReason.TIMEOUT
    assert failure.maybe_applied is True
    assert len(arm_requests(simulator, "PATCH")) == 1
    assert AzureCapacity().read(CHAT).capacity_units == capacity_after


def test_a_write_without_an_answer_in_time_is_in_doubt(
    simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "READ_TIMEOUT_SECONDS", 0.3)
    simulator.control("POST", "/faults", {"match": PATCH_CHAT, "delay_seconds": 1})
    failure = refused_write()
    assert (failure.reason, failure.maybe_applied) == (CloudReason.TIMEOUT, True)
    assert len(arm_requests(simulator, "PATCH")) == 1
    # … and rightly so: it is carried out after we stopped listening.
    deadline = time.monotonic() + 10
    while capacity_in(simulator) != 101 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert capacity_in(simulator) == 101


def test_an_azure_that_is_not_there_leaves_no_doubt(
    simulator: SimulatorProcess, settings: Any
) -> None:
    settings.AZURE_ARM_ENDPOINT = "https://127.0.0.1:9"
    failure = refused_write()
    assert (failure.reason, failure.maybe_applied) == (CloudReason.TIMEOUT, False)


def test_a_throttled_read_with_a_long_wait_is_told_at_once(simulator: SimulatorProcess) -> None:
    fault = {
        "match": "GET /subscriptions",
        "status": 429,
        "headers": {"Retry-After": "300"},
        "times": 0,
    }
    simulator.control("POST", "/faults", fault)
    with pytest.raises(CloudError) as caught:
        AzureCapacity().read(CHAT)
    assert caught.value.reason is CloudReason.THROTTLED
    assert caught.value.retry_after == timedelta(seconds=300)
    assert len(arm_requests(simulator, "GET")) == 1


def test_a_read_survives_a_gateway_that_stumbles(simulator: SimulatorProcess) -> None:
    fault = {
        "match": "GET /subscriptions",
        "status": 502,
        "body": "<html>Bad gateway</html>",
        "times": 1,
    }
    simulator.control("POST", "/faults", fault)
    simulator.control(
        "POST", "/faults", {"match": "GET /subscriptions", "drop": "after", "times": 1}
    )
    assert AzureCapacity().read(CHAT).capacity_units == 100
    assert len(arm_requests(simulator, "GET")) == 3


# ── Identity ─────────────────────────────────────────────────────────────────────────────────


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


# ── Forks ────────────────────────────────────────────────────────────────────────────────────


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
