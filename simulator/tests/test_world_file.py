"""A wrong world file is refused with a sentence that names the place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import simulator
from simulator.clock import parse_time
from simulator.tests import worlds
from simulator.world import ProfileTraffic, TraceTraffic
from simulator.world_checks import WorldError
from simulator.world_file import read_world, resolve_times


def changed(**deployment: Any) -> dict[str, Any]:
    return worlds.world_of(worlds.deployment(**deployment))


def without(key: str) -> dict[str, Any]:
    raw = changed()
    del raw["accounts"][0]["deployments"][0][key]
    return raw


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({**worlds.world_of(), "subscriptions": []}, "needs at least one"),
        ({**worlds.world_of(), "seed": "x"}, "world.seed: expected a whole number"),
        ({**worlds.world_of(), "limits": {}}, "limits: expected a list"),
        (without("name"), r"accounts\[0\].deployments\[0\].name: expected a text"),
        (changed(model="gpt-9"), "no gpt-9 2024-11-20; the catalogue has"),
        (changed(sku="Standardd"), "gpt-4o is not sold as Standardd; it has Standard"),
        (changed(capacity=0), "capacity: expected a whole number from 1, got 0"),
        (changed(capacity=True), "capacity: expected a whole number"),
        (changed(sku="GlobalProvisionedManaged", capacity=17), "must be 15 plus a multiple of 5"),
        (changed(sku="DataZoneStandard"), "limits: none for OpenAI.DataZoneStandard.gpt-4o"),
        (changed(traffic={"kind": "wish"}), "kind is 'wish'; choose profile or trace"),
        (changed(traffic={"kind": "profile", "profile": "busy"}), "unknown profile 'busy'"),
        (changed(traffic=worlds.profile(cache_match_percent=101)), "between 0 and 100"),
        (changed(traffic=worlds.profile(peak_requests_per_minute=-1)), "a number from 0, got -1"),
        (changed(traffic=worlds.profile(events=[{"from": "2026-01-02"}])), "from and until"),
        (changed(traffic={"kind": "trace", "file": "x.csv"}), "'x.csv' is not in the --traces"),
        (changed(spillover_deployment_name="chat"), "only a provisioned deployment spills"),
        (changed(tags={"team": 7}), "tags: expected an object of texts"),
        (changed(created_at="soon"), "'soon' is not an ISO 8601 time"),
        (
            worlds.world_of(worlds.provisioned(spillover_deployment_name="none")),
            "not in the same account",
        ),
        (worlds.world_of(worlds.deployment(), worlds.deployment()), "one/chat is there twice"),
        (worlds.world(worlds.account("one", subscription="other")), "not among the subscriptions"),
        (worlds.world(worlds.account("-one")), "not a name Azure allows"),
        (worlds.world(worlds.account("one", kind="Fish")), "choose one of OpenAI, AIServices"),
    ],
)
def test_a_wrong_world_is_refused_with_a_sentence(raw: dict[str, Any], sentence: str):
    with pytest.raises(WorldError, match=sentence):
        worlds.parsed(raw)


def test_capacity_history_must_go_forward_in_time():
    steps = [
        {"at": "2026-03-02T10:00:00Z", "capacity": 20},
        {"at": "2026-03-02T09:00:00Z", "capacity": 30},
    ]
    with pytest.raises(WorldError, match=r"capacity_history\[1\].at: must be later"):
        worlds.parsed(changed(capacity_history=steps))


def test_relative_times_count_from_the_first_load_and_fall_on_the_hour():
    now = parse_time("2026-03-02T10:47:12Z")
    raw = resolve_times(
        {
            "created_at": "now-3d",
            "name": "now-3d",
            "events": [{"from": "now+2h", "until": "2026-03-09"}],
        },
        now,
    )
    assert raw["created_at"] == "2026-02-27T10:00:00Z"
    assert raw["name"] == "now-3d"
    assert raw["events"][0] == {"from": "2026-03-02T12:00:00Z", "until": "2026-03-09T00:00:00Z"}


def test_a_trace_that_is_not_at_hand_gives_way_to_its_fallback():
    traffic = {"kind": "trace", "file": "x.csv", "fallback": worlds.profile()}
    raw = changed(traffic=traffic)
    missing = worlds.parsed(raw).deployments[0].traffic
    present = read_world(raw, parse_time(worlds.LOADED_AT), lambda _name: True).deployments[0]
    assert isinstance(missing, ProfileTraffic)
    assert isinstance(present.traffic, TraceTraffic)


def test_regions_are_compared_without_case_and_blanks():
    raw = worlds.world(worlds.account("one", worlds.deployment(), region="East US 2"))
    assert worlds.parsed(raw).deployments[0].region == "eastus2"


def test_the_built_in_world_is_good():
    path = Path(simulator.__file__).with_name("small_world.json")
    world = worlds.parsed(json.loads(path.read_text()))
    assert {each.key for each in world.deployments} >= {"contoso-east/chat", "contoso-north/code"}
