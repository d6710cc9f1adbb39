"""Both quota regimes through the real SDK: one pool per region, or shared across regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError

from simulator.tests import worlds
from simulator.tests.conftest import azure_environment
from simulator.tests.process import SimulatorProcess, serving
from simulator.tests.sdk import Sdk
from simulator.tests.worlds import REGION, SUBSCRIPTION
from simulator.world_checks import WorldError

POOL = "OpenAI.GlobalStandard.gpt-4o"
ZONE_POOL = "OpenAI.DataZoneStandard.gpt-4o"
REGIONS = ("eastus2", "westus", "swedencentral", "japaneast")


def two_pools_each(**changes: Any) -> dict[str, Any]:
    """An account in each region with 50 global and 10 data-zone units of gpt-4o."""
    accounts = [
        worlds.account(
            f"acct-{region}",
            worlds.deployment(capacity=50),
            worlds.deployment("zone", sku="DataZoneStandard", capacity=10),
            region=region,
        )
        for region in REGIONS
    ]
    raw = worlds.world(*accounts)
    raw["limits"] = [
        worlds.limit(name, units, region)
        for region in REGIONS
        for name, units in ((POOL, 100), (ZONE_POOL, 30))
    ]
    return {**raw, **changes}


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatorProcess]:
    """A simulator with the same deployments in four regions."""
    with serving(tmp_path_factory.mktemp("wide"), two_pools_each()) as process:
        yield process


@pytest.fixture
def simulator(wide: SimulatorProcess) -> SimulatorProcess:
    """It, as freshly loaded."""
    wide.control("POST", "/reset")
    return wide


@pytest.fixture
def sdk(simulator: SimulatorProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sdk]:
    """The SDK against it."""
    yield from azure_environment(simulator, monkeypatch)


def row(sdk: Sdk, region: str, name: str = POOL) -> tuple[float, float, Any, Any]:
    """(held, limit, scope type, scope id) of a region's row."""
    for each in sdk.arm.usages.list(region):
        if each.name.value == name:
            more = each.additional_properties or {}
            return each.current_value, each.limit, more.get("scopeType"), more.get("scopeId")
    raise AssertionError(f"{region} does not list {name}")


def move(simulator: SimulatorProcess, scope: str, name: str = POOL) -> None:
    simulator.control("POST", "/quota-scope", {"usage_name": name, "scope": scope})


def grow(sdk: Sdk, region: str, capacity: int) -> Any:
    return sdk.set_capacity("chat", capacity, account=f"acct-{region}")


def test_classic_pools_are_one_for_each_region_and_rows_carry_no_scope(sdk: Sdk):
    assert [row(sdk, region) for region in REGIONS] == [(50, 100, None, None)] * 4


def test_rows_may_say_that_they_are_regional(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"usage_scope_type": "Regional"})
    assert row(sdk, REGION) == (50, 100, "Regional", REGION)


def test_a_global_pool_is_listed_by_each_region_with_the_same_numbers(
    sdk: Sdk, simulator: SimulatorProcess
):
    move(simulator, "Global")
    # Four regions hold 50 each: more than the 100 of one region, so that is the limit.
    assert [row(sdk, region) for region in REGIONS] == [(200, 200, "Global", "Global")] * 4
    assert row(sdk, REGION, ZONE_POOL) == (10, 30, None, None)


def test_global_pools_are_also_listed_by_the_location_global(sdk: Sdk, simulator: SimulatorProcess):
    assert list(sdk.arm.usages.list("global")) == []
    move(simulator, "Global")
    assert row(sdk, "global") == (200, 200, "Global", "Global")
    with pytest.raises(HttpResponseError):
        list(sdk.arm.models.list("global"))


def test_capacities_name_the_scope_of_their_pool_as_usages_do(
    sdk: Sdk, simulator: SimulatorProcess
):
    def scopes(region: str, sku: str) -> tuple[Any, Any]:
        listed = sdk.arm.location_based_model_capacities.list
        rows = listed(region, "OpenAI", "gpt-4o", "2024-11-20")
        [more] = [row.additional_properties or {} for row in rows if row.name == sku]
        return more.get("scopeType"), more.get("scopeId")

    assert scopes("westus", "GlobalStandard") == (None, None)
    move(simulator, "Global")
    move(simulator, "DataZone", ZONE_POOL)
    assert scopes("westus", "GlobalStandard") == ("Global", "Global")
    assert scopes("westus", "DataZoneStandard") == ("DataZone", "US")
    assert scopes("japaneast", "DataZoneStandard") == ("Regional", "japaneast")
    assert scopes("westus", "Standard") == (None, None)
    simulator.control("POST", "/knobs", {"usage_scope_type": "Classic"})
    assert scopes("westus", "Standard") == ("Classic", "westus")


def test_a_data_zone_pool_is_shared_within_its_zone_only(sdk: Sdk, simulator: SimulatorProcess):
    # Tier 1 gives this model 300 units; one region had 30.
    move(simulator, "DataZone", ZONE_POOL)
    assert row(sdk, "eastus2", ZONE_POOL) == (20, 300, "DataZone", "US")
    assert row(sdk, "westus", ZONE_POOL) == (20, 300, "DataZone", "US")
    assert row(sdk, "swedencentral", ZONE_POOL) == (10, 300, "DataZone", "EU")
    assert row(sdk, "japaneast", ZONE_POOL) == (10, 30, "Regional", "japaneast")


def test_the_limit_of_a_new_shared_pool_is_at_least_what_one_region_had(
    sdk: Sdk, simulator: SimulatorProcess
):
    for region in REGIONS:
        grow(sdk, region, 5)
    move(simulator, "Global")
    assert row(sdk, REGION) == (20, 100, "Global", "Global")


def test_a_write_counts_over_the_whole_scope(sdk: Sdk, simulator: SimulatorProcess):
    assert grow(sdk, "westus", 100).sku.capacity == 100
    move(simulator, "Global")
    with pytest.raises(HttpResponseError) as caught:
        grow(sdk, "eastus2", 51)
    assert caught.value.error.code == "InsufficientQuota"
    assert "The current quota usage is 250 and the quota limit is 250" in str(caught.value)
    grow(sdk, "westus", 60)
    assert grow(sdk, "eastus2", 90).sku.capacity == 90


def test_a_model_may_go_back_to_pools_of_its_regions(sdk: Sdk, simulator: SimulatorProcess):
    move(simulator, "Global")
    move(simulator, "Classic")
    assert row(sdk, REGION) == (50, 100, "Classic", REGION)
    with pytest.raises(HttpResponseError):
        grow(sdk, REGION, 101)


def test_a_shared_limit_is_moved_from_any_region(sdk: Sdk, simulator: SimulatorProcess):
    move(simulator, "Global")
    body = {"subscription": SUBSCRIPTION, "region": "westus", "usage_name": POOL, "limit": 900}
    rows = simulator.control("POST", "/limits", body)["value"]
    assert row(sdk, "japaneast")[1] == 900
    shared = [each for each in rows if each["usage_name"] == POOL]
    assert [(each["region"], each["limit"], each["scope"]) for each in shared] == [
        ("global", 900, "Global")
    ]


def test_regimes_outlive_a_restart_but_not_a_reset(sdk: Sdk, simulator: SimulatorProcess):
    move(simulator, "Global")
    grow(sdk, "westus", 20)
    simulator.stop()
    simulator.start()
    shared = [each for each in simulator.control("GET", "/state")["limits"] if each["scope"]]
    assert [(each["limit"], each["allocated"]) for each in shared] == [(200, 170)]
    simulator.control("POST", "/reset")
    assert {each["scope"] for each in simulator.control("GET", "/state")["limits"]} == {None}


def test_a_world_may_begin_with_shared_pools_and_no_regional_limits():
    raw = two_pools_each(quota_scopes={POOL: "Global", ZONE_POOL: "DataZone"})
    raw["limits"] = [
        worlds.limit(POOL, 900, "Global"),
        worlds.limit(ZONE_POOL, 15, "datazone-us"),
        worlds.limit(ZONE_POOL, 40, "datazone-eu"),
        worlds.limit(ZONE_POOL, 30, "japaneast"),
    ]
    rows = {each.pool[1:]: (each.allocated, each.limit) for each in worlds.quota(raw).rows()}
    assert rows["global", POOL.lower()] == (200, 900)
    assert rows["datazone-us", ZONE_POOL.lower()] == (20, 20)  # what is held is never above
    assert rows["datazone-eu", ZONE_POOL.lower()] == (10, 40)
    assert worlds.parsed(raw).regions == frozenset(REGIONS)


@pytest.mark.parametrize(
    ("scopes", "sentence"),
    [
        ({POOL: "Galactic"}, "choose one of Classic"),
        ({"OpenAI.Standard.gpt-9": "Global"}, "limits has none of that name"),
        ([POOL], "expected an object"),
    ],
)
def test_a_wrong_scope_in_a_world_file_is_refused(scopes: Any, sentence: str):
    with pytest.raises(WorldError, match=sentence):
        worlds.parsed(two_pools_each(quota_scopes=scopes))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"usage_name": POOL, "scope": "global"}, "scope is one of Classic"),
        ({"usage_name": "nothing", "scope": "Global"}, "No subscription has a pool 'nothing'"),
    ],
)
def test_a_wrong_move_is_refused(simulator: SimulatorProcess, body: Any, sentence: str):
    with simulator.http() as http:
        answer = http.post("/_sim/quota-scope", json=body)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]
