"""Model versions end on the simulator's clock, and deployments follow without anyone acting."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.cognitiveservices import models as m

from simulator.clock import parse_time
from simulator.tests.process import NOW, SimulatorProcess
from simulator.tests.sdk import GROUP, Sdk, total
from simulator.tests.worlds import REGION

OLD = {"model": "gpt-4o", "version": "2024-08-06"}
NEW = {"model": "gpt-4o", "version": "2024-11-20"}
MODEL = {"name": OLD["model"], "version": OLD["version"]}
HOUR = 3600
DAY = 24 * HOUR


def retire(simulator: SimulatorProcess, **changes: Any) -> dict[str, Any]:
    plan: dict[str, Any] = simulator.control("POST", "/models", {**OLD, **changes})
    return plan


def advance(simulator: SimulatorProcess, seconds: float) -> None:
    simulator.control("POST", "/clock", {"advance_seconds": seconds})


def status(sdk: Sdk) -> str | None:
    """``lifecycleStatus`` of the old version; None when it is no longer listed."""
    for row in sdk.arm.models.list(REGION):
        if (row.model.name, row.model.version) == (OLD["model"], OLD["version"]):
            return str(row.model.lifecycle_status)
    return None


def version(sdk: Sdk, name: str) -> str:
    return str(sdk.arm.deployments.get(GROUP, "one", name).properties.model.version)


def test_a_version_goes_from_available_to_gone_on_the_clock(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    retire(foundry, retires_at="2026-07-01T00:00:00Z")
    seen = [status(foundry_sdk)]
    for at in ("2026-04-02", "2026-06-30T23:59:59", "2026-07-01", "2026-07-30", "2026-07-31"):
        foundry.control("POST", "/clock", {"at": at, "frozen": True})
        seen.append(status(foundry_sdk))
    assert seen == [
        "GenerallyAvailable", "Deprecating", "Deprecating", "Deprecated", "Deprecated", None,
    ]  # fmt: skip
    usages = {row.name.value for row in foundry_sdk.arm.usages.list(REGION)}
    assert "OpenAI.GlobalStandard.gpt-4o" in usages


def test_a_row_tells_the_plan(foundry_sdk: Sdk, foundry: SimulatorProcess):
    retire(
        foundry, retires_at="2026-07-01T00:00:00Z", replacement=NEW,
        upgrade_from="2026-06-01T00:00:00Z", lead_days=7,
    )  # fmt: skip
    model = next(
        row.model
        for row in foundry_sdk.arm.models.list(REGION)
        if row.model.version == OLD["version"]
    )
    assert model.deprecation.inference == "2026-07-01T00:00:00Z"
    assert model.deprecation.fine_tune == "2026-07-01T00:00:00Z"
    assert model.deprecation.deprecation_status == "Planned"
    assert {sku.deprecation_date.isoformat() for sku in model.skus} == {"2026-07-01T00:00:00+00:00"}
    config = model.replacement_config
    assert (config.target_model_name, config.target_model_version) == ("gpt-4o", "2024-11-20")
    assert config.auto_upgrade_start_date.isoformat() == "2026-06-01T00:00:00+00:00"
    assert config.upgrade_on_expiry_lead_time_days == 7


def test_deployments_move_at_the_moment_their_option_names(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    retire(
        foundry, retires_at="2026-07-01T00:00:00Z", replacement=NEW,
        upgrade_from="2026-06-01T00:00:00Z", lead_days=7,
    )  # fmt: skip
    before = foundry_sdk.arm.deployments.get(GROUP, "one", "follows")
    seen = {}
    for at in ("2026-05-31T23:59:59", "2026-06-01", "2026-06-23T23:59:59", "2026-06-24"):
        foundry.control("POST", "/clock", {"at": at, "frozen": True})
        seen[at] = [version(foundry_sdk, name) for name in ("follows", "waits", "stays")]
    old, new = OLD["version"], NEW["version"]
    assert list(seen.values()) == [
        [old, old, old],
        [new, old, old],
        [new, old, old],
        [new, new, old],
    ]
    after = foundry_sdk.arm.deployments.get(GROUP, "one", "follows")
    assert after.etag != before.etag
    assert after.sku.capacity == before.sku.capacity == 10
    assert after.system_data.last_modified_at.isoformat() == "2026-06-01T00:00:00+00:00"
    assert after.system_data.created_at == before.system_data.created_at


def test_a_deployment_that_may_not_move_is_disabled_and_serves_nothing(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    retire(foundry, replacement=NEW)
    advance(foundry, 2 * HOUR)
    stays = foundry_sdk.arm.deployments.get(GROUP, "one", "stays")
    assert (stays.properties.provisioning_state, stays.sku.capacity) == ("Disabled", 10)
    usages = {row.name.value: row.current_value for row in foundry_sdk.arm.usages.list(REGION)}
    assert usages["OpenAI.GlobalStandard.gpt-4o"] == 50 + 3 * 10
    points = foundry_sdk.series(
        ["AzureOpenAIRequests"], "ModelDeploymentName eq 'stays'", minutes=240,
        end=parse_time("2026-03-04T12:30:00Z"),
    )  # fmt: skip
    (series,) = points.values()
    assert total(series[:120]) > 0
    assert total(series[120:]) == 0


def test_the_traffic_of_an_upgraded_deployment_goes_on_under_its_new_version(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    retire(foundry, replacement=NEW)
    advance(foundry, HOUR)
    points = foundry_sdk.series(
        ["AzureOpenAIRequests"], "ModelDeploymentName eq 'follows' and ModelVersion eq '*'",
        minutes=120, end=parse_time("2026-03-04T11:20:00Z"),
    )  # fmt: skip
    by_version = {key[-1]: total(series) for key, series in points.items()}
    assert by_version.keys() == {OLD["version"], NEW["version"]}
    assert all(by_version.values())


def test_retired_now_means_deprecated_in_the_next_answer(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    plan = retire(foundry)
    assert plan["retires_at"] == NOW
    assert status(foundry_sdk) == "Deprecated"
    listed = {(r["model"], r["version"]): r for r in foundry.control("GET", "/catalogue")["value"]}
    assert listed["gpt-4o", "2024-08-06"]["lifecycle"] == "Deprecated"


def test_an_upgrade_moves_on_to_what_replaced_the_replacement(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    foundry.control(
        "POST", "/models", {**NEW, "replacement": {"model": "gpt-4.1", "version": "2025-04-14"}}
    )
    retire(foundry, replacement=NEW)
    found = foundry_sdk.arm.deployments.get(GROUP, "one", "follows").properties.model
    assert (found.name, found.version) == ("gpt-4.1", "2025-04-14")
    usages = {row.name.value: row.current_value for row in foundry_sdk.arm.usages.list(REGION)}
    assert usages["OpenAI.GlobalStandard.gpt-4.1"] == 50 + 10 + 10


def test_versions_that_replace_each_other_do_not_turn_for_ever(
    foundry_sdk: Sdk, foundry: SimulatorProcess
):
    foundry.control("POST", "/models", {**NEW, "replacement": OLD})
    retire(foundry, replacement=NEW)
    assert version(foundry_sdk, "follows") in (OLD["version"], NEW["version"])


def test_a_retired_version_cannot_be_deployed_any_more(foundry_sdk: Sdk, foundry: SimulatorProcess):
    wanted = m.Deployment(
        sku=m.Sku(name="GlobalStandard", capacity=1),
        properties=m.DeploymentProperties(model=m.DeploymentModel(format="OpenAI", **MODEL)),
    )
    made = foundry_sdk.arm.deployments.begin_create_or_update(GROUP, "one", "early", wanted)
    assert made.result().properties.model.version == OLD["version"]
    retire(foundry, retires_at="2026-03-04T11:00:00Z")
    advance(foundry, HOUR)
    with pytest.raises(HttpResponseError) as caught:
        foundry_sdk.arm.deployments.begin_create_or_update(GROUP, "one", "late", wanted)
    assert caught.value.error.code == "ServiceModelDeprecated"
    assert "has been deprecated since 03/04/2026" in caught.value.error.message


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"model": "gpt-9", "version": "1"}, "no gpt-9 1 in the catalogue"),
        ({**OLD, "retires_at": "soon"}, "not an ISO 8601 time"),
        ({**OLD, "replacement": OLD}, "cannot replace itself"),
        ({**OLD, "replacement": "gpt-5"}, "expected an object with model and version"),
        ({**OLD, "lead_days": -1}, "a whole number from 0"),
        ({**OLD, "when": "now"}, "when: not among"),
    ],
)
def test_a_wrong_plan_is_refused_with_a_sentence(
    foundry: SimulatorProcess, body: dict[str, Any], words: str
):
    with foundry.http() as http:
        answer = http.post("/_sim/models", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
