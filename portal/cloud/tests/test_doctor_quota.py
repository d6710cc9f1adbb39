"""Which quota regime and tier a subscription has, as the doctor tells it."""

from typing import Any

import pytest

from portal.cloud.tests.doctor_world import SCOPE, by_check, examined
from portal.kernel.findings import Finding, Outcome
from stack.simulator_process import SimulatorProcess


def one(check: str) -> Finding:
    [finding] = by_check(examined())[check]
    return finding


def test_rows_that_name_no_scope_are_taken_for_regional(simulator: SimulatorProcess) -> None:
    found = by_check(examined())
    [finding] = found["azure.quota_regime"]
    rows = sum(int(str(each.facts["rows"])) for each in found["azure.usages"])
    assert rows >= len(simulator.control("GET", "/state")["limits"])
    assert finding.facts == {
        "regional_rows": rows,
        "global_rows": 0,
        "data_zone_rows": 0,
        "shared_usage_names": [],
        "scope_is_named": False,
    }
    assert finding.sentence == f"Quota of {SCOPE} is regional: {rows} rows; no row names a scope."


def test_rows_that_call_themselves_regional(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/knobs", {"usage_scope_type": "Regional"})
    finding = one("azure.quota_regime")
    assert finding.facts["scope_is_named"] is True
    assert finding.sentence.endswith("rows.")


def test_a_pool_of_the_whole_subscription_is_named_and_counted_once(
    simulator: SimulatorProcess,
) -> None:
    name = "OpenAI.GlobalStandard.gpt-4o"
    simulator.control("POST", "/quota-scope", {"usage_name": name, "scope": "Global"})
    found = by_check(examined())
    [finding] = found["azure.quota_regime"]
    assert (finding.facts["global_rows"], finding.facts["shared_usage_names"]) == (1, [name])
    assert f"shared are {name}" in finding.sentence
    assert found["azure.pools"][0].outcome is Outcome.OK


@pytest.mark.parametrize("spelling", ["Tier 1", "Tier-1"])
def test_the_tier_is_named_in_one_spelling(simulator: SimulatorProcess, spelling: str) -> None:
    tier(simulator, {"currentTierName": spelling, "tierUpgradePolicy": "OnceUpgradeIsAvailable"})
    finding = one("azure.quota_tier")
    assert finding.facts == {"tier": "Tier 1", "upgrade_policy": "OnceUpgradeIsAvailable"}
    assert "limits may rise by themselves" in finding.sentence


def test_a_tier_that_stays_is_not_said_to_rise(simulator: SimulatorProcess) -> None:
    tier(simulator, {"currentTierName": "Tier 2", "tierUpgradePolicy": "NoAutoUpgrade"})
    assert one("azure.quota_tier").sentence == f"{SCOPE.capitalize()} is in quota tier “Tier 2”."


def test_the_simulators_own_tier_is_read(simulator: SimulatorProcess) -> None:
    finding = one("azure.quota_tier")
    assert (finding.outcome, finding.facts["tier"]) == (Outcome.OK, "Tier 1")


def test_an_azure_that_knows_no_tiers_is_no_failure(simulator: SimulatorProcess) -> None:
    simulator.control("POST", "/faults", {"match": "quotaTiers", "status": 404, "times": 0})
    assert one("azure.quota_tier").outcome is Outcome.WARNING


def tier(simulator: SimulatorProcess, properties: dict[str, Any]) -> None:
    body = {"value": [{"name": "default", "properties": properties}]}
    fault = {"match": "GET .*quotaTiers", "status": 200, "body": body, "times": 0}
    simulator.control("POST", "/faults", fault)
