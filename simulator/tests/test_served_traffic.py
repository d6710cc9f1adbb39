"""What is served follows from demand and the capacity in force in each minute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulator.clock import parse_time
from simulator.hashing import Floats
from simulator.resources import Resources
from simulator.tests import worlds
from simulator.traffic import Served

DAY = worlds.day_of("2026-03-03")


def rows(
    *deployments: dict[str, Any], name: str | None = None, day: int = DAY
) -> dict[str, Floats]:
    """Rows of a served day of one deployment."""
    raw = worlds.world_of(*deployments)
    wanted = f"one/{name or deployments[0]['name']}"
    one = next(each for each in worlds.parsed(raw).deployments if each.key == wanted)
    array = worlds.served(raw).day(one, day)
    return worlds.rows_of(array)


def test_with_room_everything_is_served():
    day = rows(worlds.deployment(capacity=500))
    assert day["throttled"].sum() == 0
    assert day["served"].mean() == pytest.approx(60, rel=0.05)


def test_over_the_bucket_requests_become_429s_and_served_tokens_stay_near_the_limit():
    day = rows(worlds.deployment(capacity=36))
    assert day["throttled"].sum() > 0
    tokens = day["prompt"] + day["generated"]
    assert tokens.max() < 36_000 + 5_000  # the request that crosses the line is still served
    assert tokens.mean() == pytest.approx(36_000, rel=0.05)


def test_more_capacity_means_fewer_429s_in_every_minute():
    small, large = rows(worlds.deployment(capacity=36)), rows(worlds.deployment(capacity=60))
    assert (large["throttled"] <= small["throttled"]).all()
    assert large["throttled"].sum() < small["throttled"].sum()


def test_demand_does_not_depend_on_capacity():
    small, large = rows(worlds.deployment(capacity=36)), rows(worlds.deployment(capacity=500))
    assert np.array_equal(
        small["served"] + small["throttled"], large["served"] + large["throttled"]
    )


def test_nothing_happens_before_a_deployment_exists():
    day = rows(worlds.deployment(created_at="2026-03-03T12:00:00Z"))
    assert day["served"][:720].sum() == day["throttled"][:720].sum() == 0
    assert day["served"][720] > 0


def test_a_minute_takes_the_capacity_in_force_at_its_start():
    step = {"at": "2026-03-03T10:00:30Z", "capacity": 500}
    day = rows(worlds.deployment(capacity=10, capacity_history=[step]))
    assert day["throttled"][600] > 0  # 10:00 began with ten units
    assert day["throttled"][601:].sum() == 0


def test_a_write_changes_the_future_only():
    raw = worlds.world_of(worlds.deployment(capacity=36))
    resources = Resources(worlds.parsed(raw), {}, {})
    served, chat = Served(resources, Path("/nonexistent")), resources.world.deployments[0]
    before = worlds.rows_of(served.day(chat, DAY))
    resources.change(chat, parse_time("2026-03-03T12:00:00Z"), units=500)
    after = worlds.rows_of(served.day(chat, DAY))
    for name in ("served", "throttled", "prompt", "generated", "cached"):
        assert np.array_equal(before[name][:720], after[name][:720])
    assert after["throttled"][720:].sum() == 0


def busy_ptu(**changes: Any) -> dict[str, Any]:
    """Asks for about 54,000 weighted tokens a minute of 37,500."""
    return worlds.provisioned(traffic=worlds.profile(peak_requests_per_minute=30), **changes)


def test_a_provisioned_deployment_is_full_at_its_units_and_refuses_the_rest():
    day = rows(busy_ptu())
    weighted = day["prompt"] + 4 * day["generated"]
    assert weighted.mean() == pytest.approx(15 * 2500, rel=0.06)
    assert day["throttled"].sum() > 0
    assert day["utilisation"].max() == 100.0


def test_an_idle_provisioned_deployment_has_a_utilisation_of_zero():
    day = rows(worlds.provisioned(traffic={"kind": "profile", "profile": "none"}))
    assert day["utilisation"].max() == 0.0
    assert day["exists"].all()


def test_what_a_provisioned_deployment_refuses_spills_onto_the_standard_one():
    silent = {"kind": "profile", "profile": "none"}
    pair = (
        busy_ptu(spillover_deployment_name="chat"),
        worlds.deployment(capacity=500, traffic=silent),
    )
    ptu, chat = rows(*pair), rows(*pair, name="chat")
    assert ptu["throttled"].sum() > 0
    assert np.array_equal(chat["spill_served"], ptu["throttled"])
    assert chat["served"].sum() == 0
    alone = rows(worlds.deployment("ptu", capacity=2000, traffic=busy_ptu()["traffic"]))
    assert np.array_equal(ptu["prompt"] + chat["prompt"], alone["prompt"])


def test_own_requests_come_before_spilled_ones():
    pair = (busy_ptu(spillover_deployment_name="chat"), worlds.deployment(capacity=75))
    chat = rows(*pair, name="chat")
    own = rows(worlds.deployment(capacity=75))
    assert np.array_equal(chat["served"], own["served"])
    assert chat["spill_throttled"].sum() > 0
    assert chat["spill_served"].sum() > 0


def test_cache_matches_weigh_by_requests():
    day = rows(worlds.deployment(traffic=worlds.profile(cache_match_percent=20)))
    weighted = day["cache_percent"] * day["served"]
    assert weighted.sum() / day["served"].sum() == pytest.approx(20, abs=0.5)
    assert day["cached"].sum() / day["prompt"].sum() == pytest.approx(0.2, abs=0.01)
