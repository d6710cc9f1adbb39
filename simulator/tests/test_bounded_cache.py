"""What is kept is bounded by memory, the least recently used going first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from simulator.bounded_cache import BoundedCache
from simulator.tests import worlds
from simulator.traffic import _DEMAND_BYTES, _SERVED_BYTES


@dataclass
class Weight:
    nbytes: int


def test_the_least_recently_used_goes_first():
    cache, made = BoundedCache(100), []

    def get(name: str, nbytes: int = 40) -> None:
        cache.get(name, lambda: made.append(name) or Weight(nbytes))  # type: ignore[func-returns-value]

    for name in ("a", "b", "a", "c", "a", "b"):
        get(name)
    assert made == ["a", "b", "c", "b"]
    assert cache.nbytes == 80


def test_one_that_is_too_large_is_kept_alone():
    cache = BoundedCache(100)
    cache.get("small", lambda: Weight(40))
    cache.get("large", lambda: Weight(400))
    assert cache.nbytes == 400
    cache.get("small", lambda: Weight(40))
    assert cache.nbytes == 40


def test_years_of_traffic_take_no_more_memory_than_is_set_aside():
    raw = worlds.world_of(worlds.deployment())
    served, chat = worlds.served(raw), worlds.parsed(raw, Path("/nonexistent")).deployments[0]
    for day in range(20_000, 20_900):
        served.day(chat, day)
    assert 0 < served.nbytes <= _SERVED_BYTES + _DEMAND_BYTES
