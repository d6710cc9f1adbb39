"""Deployments come, change and go; what they served stays."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.clock import parse_time
from simulator.models_catalogue import find_model
from simulator.resources import QUOTA_KEPT, Resources
from simulator.tests import worlds
from simulator.traffic import Served
from simulator.world import Deployment
from simulator.world_traffic import NO_TRAFFIC

NOON = parse_time("2026-03-03T12:00:00Z")
DAY = worlds.day_of("2026-03-03T00:00:00Z")


def resources_of(*deployments: dict[str, Any]) -> Resources:
    """One account, ``one``, with these deployments."""
    return Resources(worlds.parsed(worlds.world_of(*deployments)), {}, {})


def restarted(resources: Resources) -> Resources:
    """What a restart reads back from the JSON kept on disk."""
    history = {
        uid: [[None if at == float("-inf") else at, units] for at, units in one.steps]
        for uid, one in resources.history.items()
    }
    kept = json.loads(json.dumps([resources.as_json(), history]))
    return Resources(resources._loaded, kept[0], kept[1])


def living(resources: Resources, name: str = "chat") -> Deployment:
    found = resources.deployment("one", name)
    assert found is not None
    return found


def served(resources: Resources, deployment: Deployment) -> Any:
    day = Served(resources, Path("/nonexistent")).day(deployment, DAY)
    return day.total(200)


def test_a_deleted_deployment_is_gone_but_its_past_is_not():
    resources = resources_of(worlds.deployment(), worlds.deployment("other"))
    resources.delete(living(resources), NOON)
    assert resources.deployment("one", "chat") is None
    assert [each.name for each in resources.world.deployments] == ["other"]
    past = served(resources, resources.ever("one")[0])
    assert past[:720].min() > 0
    assert past[720:].sum() == 0


def test_a_new_deployment_serves_from_its_creation_and_not_before():
    resources = resources_of(worlds.deployment())
    blank = replace(living(resources), name="new", properties={"serviceTier": "Default"})
    new = resources.add(blank, 40, NOON)
    assert (new.created_at, resources.capacity(new)) == (NOON, 40)
    assert served(resources, new)[:720].sum() == 0
    assert served(resources, new)[720:].min() > 0


def test_a_name_used_again_is_another_deployment_with_the_callers_of_the_old_one():
    resources = resources_of(worlds.deployment())
    old = living(resources)
    resources.delete(old, NOON)
    assert resources.last_traffic("one", "Chat") == old.traffic
    assert resources.last_traffic("one", "never") is None
    new = resources.add(replace(old, traffic=NO_TRAFFIC), 7, NOON.replace(hour=14))
    assert new.uid != old.uid
    assert resources.steps(new) == [
        (float("-inf"), 100),
        (NOON.timestamp(), 0),
        (NOON.timestamp() + 7200, 7),
    ]


def test_another_model_version_begins_another_stretch_of_the_same_deployment():
    resources = resources_of(worlds.deployment(), worlds.deployment("other"))
    old = living(resources)
    version = find_model("gpt-4o", "2024-08-06")
    new = resources.change(old, NOON, model=version)
    assert [each.model.version for each in resources.ever("one") if each.name == "chat"] == [
        "2024-11-20",
        "2024-08-06",
    ]
    assert [each.name for each in resources.world.deployments] == ["chat", "other"]
    both = served(resources, old) + served(resources, new)
    whole = served(resources_of(worlds.deployment()), old)
    assert np.array_equal(both, whole)
    assert resources.steps(new)[1:] == [(NOON.timestamp(), 100)]


def test_a_tag_is_a_change_without_a_new_stretch():
    resources = resources_of(worlds.deployment())
    old = living(resources)
    new = resources.change(old, NOON, tags={"team": "search"})
    assert (new.uid, new.revision, new.changed_at) == (old.uid, old.revision + 1, NOON)
    assert resources.steps(new) == [(float("-inf"), 100)]


def test_spill_over_follows_the_target_of_its_time():
    ptu = worlds.provisioned(spillover_deployment_name="chat", traffic=worlds.profile(
        peak_requests_per_minute=600))  # fmt: skip
    resources = resources_of(worlds.deployment(traffic={"kind": "profile"}), ptu)
    assert served(resources, living(resources)).min() > 0
    resources.change(living(resources, "ptu"), NOON, spillover_deployment_name=None)
    spilled = served(resources, living(resources))
    assert spilled[:720].min() > 0
    assert spilled[720:].sum() == 0


def test_a_deleted_account_holds_its_quota_for_48_hours():
    resources = resources_of(worlds.deployment())
    account = resources.world.accounts[0]
    resources.delete_account(account, NOON)
    assert resources.account(account.id) is None
    for moment, units in ((NOON, 100), (NOON + QUOTA_KEPT, 0)):
        assert sum(each for _, each in resources.held(moment)) == units
    assert resources.deleted(NOON + QUOTA_KEPT) == []


def test_a_purged_account_frees_its_quota_at_once():
    resources = resources_of(worlds.deployment())
    resources.delete_account(resources.world.accounts[0], NOON)
    resources.purge_account(resources.deleted(NOON)[0])
    assert list(resources.held(NOON)) == []
    assert resources.world.accounts == ()


def test_a_restored_account_has_its_deployments_back():
    resources = resources_of(worlds.deployment())
    resources.delete_account(resources.world.accounts[0], NOON)
    evening = NOON.replace(hour=18)
    resources.restore_account(resources.deleted(evening)[0], evening)
    assert resources.capacity(living(resources)) == 100
    assert resources.deleted(evening) == []
    day = sum(served(resources, each) for each in resources.ever("one"))
    assert day[720:1080].sum() == 0 < day[1080:].min()


def test_everything_is_read_back_after_a_restart():
    ptu = worlds.provisioned(spillover_deployment_name="chat")
    resources = resources_of(worlds.deployment(), ptu, worlds.deployment("gone"))
    resources.delete(living(resources, "gone"), NOON)
    resources.change(living(resources), NOON, units=30, tags={"a": "b"})
    resources.change(living(resources), NOON, model=find_model("gpt-4o", "2024-08-06"))
    event = worlds.profile(
        events=[{"from": worlds.LOADED_AT, "until": "2026-03-03", "factor": 2.0}]
    )
    source = worlds.parsed(worlds.world_of(worlds.deployment(traffic=event))).deployments[0]
    resources.add(replace(source, name="new", properties={"x": [1]}), 5, NOON)
    again = restarted(resources)
    assert again.world == resources.world
    assert again.ever("one") == resources.ever("one")
    assert {uid: one.steps for uid, one in again.history.items()} == {
        uid: one.steps for uid, one in resources.history.items()
    }


@pytest.mark.parametrize("moment", [NOON, NOON.replace(hour=13)])
def test_a_deleted_account_is_read_back_after_a_restart(moment: datetime):
    resources = resources_of(worlds.deployment())
    resources.delete_account(resources.world.accounts[0], NOON)
    again = restarted(resources)
    assert again.deleted(moment) == resources.deleted(moment)
    again.restore_account(again.deleted(moment)[0], moment)
    assert again.capacity(living(again)) == 100


def test_what_an_earlier_version_did_not_write_has_its_default():
    resources = resources_of(worlds.deployment())
    resources.change(living(resources), NOON, tags={"team": "care"})
    kept = resources.as_json()
    for row in kept["deployments"]:
        for name in ("provisioning_state", "generation", "changed_at"):
            row.pop(name)
    again = Resources(resources._loaded, kept, {})
    assert living(again).provisioning_state == "Succeeded"
    assert living(again).tags == {"team": "care"}
