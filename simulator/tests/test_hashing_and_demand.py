"""Demand is a pure, seeded function of (deployment, minute)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.demand import Demand, demand_of_day
from simulator.hashing import normal_rows, uniform_rows, uniforms
from simulator.tests import worlds

DAY = worlds.day_of("2026-03-03")


def demand(traffic: dict[str, Any], day: int = DAY, seed: int = 3, name: str = "chat") -> Demand:
    world = worlds.parsed(worlds.world_of(worlds.deployment(name, traffic=traffic), seed=seed))
    return demand_of_day(world, world.deployments[0], day, Path("/nonexistent"))


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**40))
def test_a_hashed_number_depends_on_its_own_counter_only(key: int, counter: int):
    alone = uniforms(key, np.array([counter]))[0]
    among = uniforms(key, np.arange(counter - 5, counter + 5))[5]
    assert alone == among
    assert 0.0 < alone < 1.0


def test_the_hashed_stream_never_changes():
    """Written down, so that a stored world means the same traffic in every later version."""
    assert uniforms(42, np.array([0, 1]))[0] == 0.7415648787718234


def test_hashed_numbers_are_spread_as_they_should_be():
    flat = uniform_rows([1, 2], np.arange(50_000))
    normal = normal_rows([1, 2], np.arange(50_000))
    assert abs(flat.mean() - 0.5) < 0.01
    assert abs(normal.mean()) < 0.02
    assert abs(normal.std() - 1.0) < 0.02
    assert abs(np.corrcoef(normal)[0, 1]) < 0.02


def test_the_same_day_asked_twice_is_the_same():
    once, again = demand(worlds.profile()), demand(worlds.profile())
    for name in ("requests", "prompt", "generated", "cache_percent"):
        assert np.array_equal(getattr(once, name), getattr(again, name))


@pytest.mark.parametrize("other", [{"seed": 4}, {"name": "pilot"}, {"day": DAY + 1}])
def test_another_seed_deployment_or_day_has_other_traffic(other: dict[str, Any]):
    changed = demand(worlds.profile(), **other)
    assert not np.array_equal(demand(worlds.profile()).requests, changed.requests)


def test_means_are_what_the_world_file_says():
    day = demand(worlds.profile(cache_match_percent=20))
    assert day.requests.mean() == pytest.approx(60, rel=0.05)
    assert day.prompt.sum() / day.requests.sum() == pytest.approx(1000, rel=0.05)
    assert day.generated.sum() / day.requests.sum() == pytest.approx(200, rel=0.05)
    assert day.cache_percent.mean() == pytest.approx(20, abs=1)


def test_small_rates_keep_their_mean():
    day = demand(worlds.profile(peak_requests_per_minute=0.2))
    assert set(np.unique(day.requests)) <= {0, 1, 2}
    assert day.requests.mean() == pytest.approx(0.2, abs=0.05)


def test_every_request_has_tokens_and_an_embedding_generates_none():
    day = demand(worlds.profile(prompt_tokens=1, generated_tokens=0))
    assert (day.prompt >= day.requests).all()
    assert day.generated.sum() == 0


def test_an_event_multiplies_its_minutes_only():
    event = {"from": "2026-03-03T10:00:00Z", "until": "2026-03-03T11:00:00Z", "factor": 3.0}
    plain, busy = demand(worlds.profile()), demand(worlds.profile(events=[event]))
    hour = slice(600, 660)
    assert busy.requests[hour].mean() == pytest.approx(3 * plain.requests[hour].mean(), rel=0.1)
    assert np.array_equal(busy.requests[:600], plain.requests[:600])
    assert np.array_equal(busy.requests[660:], plain.requests[660:])


def test_growth_counts_from_the_first_load_of_the_world():
    growing = worlds.profile(growth_per_month=0.10)
    at_load = demand(growing, day=worlds.day_of(worlds.LOADED_AT))
    year_before = demand(growing, day=worlds.day_of("2025-03-02"))
    assert at_load.requests.mean() == pytest.approx(60, rel=0.05)
    assert year_before.requests.mean() == pytest.approx(60 / 1.1**12, rel=0.1)
