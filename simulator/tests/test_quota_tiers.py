"""Quota tiers through the real SDK: names, the policy, and limits that rise by themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.cognitiveservices import models as m

from simulator.clock import parse_time
from simulator.tests import worlds
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.sdk import Sdk
from simulator.tests.shapes import assert_has_fields
from simulator.tests.worlds import REGION, SUBSCRIPTION
from simulator.tiers import level_of, tier_name
from simulator.world_checks import WorldError

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "azure"
POOL, PTU = "OpenAI.GlobalStandard.gpt-4o", "OpenAI.GlobalProvisionedManaged"
LATER = "2026-03-05T00:00:00Z"


def policy(name: str) -> m.QuotaTier:
    return m.QuotaTier(properties=m.QuotaTierProperties(tier_upgrade_policy=name))


def limits(sdk: Sdk) -> dict[str, float]:
    return {row.name.value: row.limit for row in sdk.arm.usages.list(REGION)}


def plan(simulator: SimulatorProcess, **more: Any) -> None:
    simulator.control("POST", "/tier-upgrades", {"subscription": SUBSCRIPTION, **more})


def test_the_tier_of_a_subscription_is_called_default(sdk: Sdk):
    (listed,) = sdk.arm.quota_tiers.list_by_subscription()
    tier = sdk.arm.quota_tiers.get("default")
    assert listed.id == tier.id
    assert tier.id.endswith("/providers/Microsoft.CognitiveServices/quotaTiers/default")
    assert tier.properties.current_tier_name == "Tier 1"
    assert tier.properties.tier_upgrade_policy == "OnceUpgradeIsAvailable"
    eligibility = tier.properties.tier_upgrade_eligibility_info
    assert (eligibility.next_tier_name, eligibility.upgrade_availability_status) == (
        "Tier 2", "NotAvailable",
    )  # fmt: skip
    assert eligibility.upgrade_unavailability_reason
    with pytest.raises(ResourceNotFoundError):
        sdk.arm.quota_tiers.get("other")


def test_tier_names_come_in_two_spellings(sdk: Sdk, simulator: SimulatorProcess):
    simulator.control("POST", "/knobs", {"tier_names": "Tier-1"})
    assert sdk.arm.quota_tiers.get("default").properties.current_tier_name == "Tier-1"


@pytest.mark.parametrize("write", ["update", "create_or_update"])
def test_the_upgrade_policy_is_written_at_once(sdk: Sdk, write: str):
    answered = getattr(sdk.arm.quota_tiers, write)("default", policy("NoAutoUpgrade"))
    assert answered.properties.tier_upgrade_policy == "NoAutoUpgrade"
    assert sdk.arm.quota_tiers.get("default").properties.tier_upgrade_policy == "NoAutoUpgrade"


def test_a_policy_that_is_none_is_refused(sdk: Sdk):
    with pytest.raises(HttpResponseError) as caught:
        sdk.arm.quota_tiers.update("default", policy("Sometimes"))
    assert caught.value.status_code == 400


def test_an_upgrade_comes_by_itself_at_its_time_and_raises_limits(
    sdk: Sdk, simulator: SimulatorProcess
):
    plan(simulator, at=LATER)
    before = sdk.arm.quota_tiers.get("default").properties
    eligibility = before.tier_upgrade_eligibility_info
    assert eligibility.upgrade_availability_status == "Available"
    assert eligibility.upgrade_applicable_date == parse_time(LATER)
    assert limits(sdk)[POOL] == 2000
    simulator.control("POST", "/clock", {"at": LATER, "frozen": True})
    assert (limits(sdk)[POOL], limits(sdk)[PTU]) == (4000, 100)
    after = sdk.arm.quota_tiers.get("default").properties
    assert (after.current_tier_name, after.assignment_date) == ("Tier 2", parse_time(LATER))
    assert after.tier_upgrade_eligibility_info.next_tier_name == "Tier 3"
    assert simulator.control("GET", "/state")["subscriptions"][0]["quota_tier"] == "Tier 2"


def test_an_upgrade_waits_while_the_policy_forbids_it(sdk: Sdk, simulator: SimulatorProcess):
    sdk.arm.quota_tiers.update("default", policy("NoAutoUpgrade"))
    plan(simulator, at=NOW, limits={POOL: 2500})
    simulator.control("POST", "/clock", {"advance_seconds": 3600})
    assert limits(sdk)[POOL] == 2000
    assert sdk.arm.quota_tiers.get("default").properties.current_tier_name == "Tier 1"
    answered = sdk.arm.quota_tiers.update("default", policy("OnceUpgradeIsAvailable"))
    assert answered.properties.current_tier_name == "Tier 2"
    assert answered.properties.assignment_date == parse_time("2026-03-04T11:30:00Z")
    assert limits(sdk)[POOL] == 2500


def test_no_limit_falls_by_an_upgrade_and_none_leads_beyond_the_last_tier(
    sdk: Sdk, simulator: SimulatorProcess
):
    plan(simulator, limits={POOL: 10})
    assert limits(sdk)[POOL] == 2000
    for _ in range(4):
        plan(simulator)
    properties = sdk.arm.quota_tiers.get("default").properties
    assert properties.current_tier_name == "Tier 6"
    assert properties.tier_upgrade_eligibility_info.next_tier_name is None
    with simulator.http() as http:
        answer = http.post("/_sim/tier-upgrades", json={"subscription": SUBSCRIPTION})
    assert answer.json()["error"]["message"] == "There is no tier above Tier 6."


def test_a_world_may_plan_upgrades_and_tier_1_gives_its_published_limits(
    start: Callable[..., SimulatorProcess],
):
    raw = worlds.world_of(worlds.deployment(model="gpt-4.1", version="2025-04-14", capacity=5))
    raw["subscriptions"][0]["quota_tier"] = "Free Tier"
    raw["limits"] = [worlds.limit("OpenAI.GlobalStandard.gpt-4.1", 50)]
    raw["tier_upgrades"] = [{"subscription": SUBSCRIPTION, "at": "now+1d"}]
    simulator = start(raw)
    state = simulator.control("GET", "/state")
    assert state["subscriptions"][0]["quota_tier"] == "Free Tier"
    simulator.control("POST", "/clock", {"advance_seconds": 86_400})
    assert simulator.control("GET", "/state")["limits"][0]["limit"] == 1000
    simulator.stop()
    simulator.start()
    assert simulator.control("GET", "/state")["subscriptions"][0]["quota_tier"] == "Tier 1"


def test_a_tier_1_pool_that_becomes_global_gets_the_limit_of_the_tier():
    raw = worlds.world_of(worlds.deployment(model="gpt-4.1", version="2025-04-14", capacity=5))
    raw["limits"] = [worlds.limit("OpenAI.GlobalStandard.gpt-4.1", 50)]
    raw["quota_scopes"] = {"OpenAI.GlobalStandard.gpt-4.1": "Global"}
    (row,) = worlds.quota(raw).rows()
    assert (row.limit, row.allocated, row.scope_type) == (1000, 5, "Global")


@pytest.mark.parametrize(
    ("name", "level"),
    [("Free Tier", 0), ("Free-Tier", 0), ("free", 0), ("Tier 1", 1), ("tier-6", 6), ("Gold", None)],
)
def test_tier_names_are_read_in_either_spelling(name: str, level: int | None):
    assert level_of(name) == level
    assert (tier_name(0, "-"), tier_name(2)) == ("Free-Tier", "Tier 2")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"tier_upgrades": [{"subscription": "x", "at": NOW}]}, "not among the subscriptions"),
        ({"tier_upgrades": [{"subscription": SUBSCRIPTION}]}, r"tier_upgrades\[0\].at"),
        (
            {"tier_upgrades": [{"subscription": SUBSCRIPTION, "at": NOW, "limits": {"a": -1}}]},
            "whole number from 0",
        ),
        ({"subscriptions": [{"id": SUBSCRIPTION, "quota_tier": "Gold"}]}, "choose Free Tier"),
    ],
)
def test_wrong_tiers_in_a_world_file_are_refused(changes: dict[str, Any], sentence: str):
    with pytest.raises(WorldError, match=sentence):
        worlds.parsed({**worlds.world_of(worlds.deployment()), **changes})


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ({"subscription": "x"}, "no subscription 'x'"),
        ({"subscription": SUBSCRIPTION, "at": "soon"}, "not an ISO 8601 time"),
        ({"subscription": SUBSCRIPTION, "limits": []}, "an object of usage name"),
    ],
)
def test_a_wrong_plan_is_refused(simulator: SimulatorProcess, body: Any, sentence: str):
    with simulator.http() as http:
        answer = http.post("/_sim/tier-upgrades", json=body)
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]["message"]


def test_a_tier_has_the_fields_of_the_official_example(sdk: Sdk, simulator: SimulatorProcess):
    found = list(REFERENCE.rglob("ListQuotaTiers.json"))
    if not found:
        pytest.skip("the official examples are not at hand")
    plan(simulator, at=LATER)
    body = json.loads(found[0].read_text())["responses"]["200"]["body"]
    (tier,) = sdk.arm.quota_tiers.list_by_subscription()
    assert_has_fields(tier.serialize(keep_readonly=True), body["value"][0])
