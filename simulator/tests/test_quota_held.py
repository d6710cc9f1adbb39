"""What counts against quota: living deployments, and for 48 hours those of deleted accounts."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from simulator.arm_usages import usage_rows
from simulator.clock import Clock, parse_time
from simulator.state import State
from simulator.tests import worlds
from simulator.tests.worlds import LOADED_AT, REGION, SUBSCRIPTION

POOL = "OpenAI.GlobalStandard.gpt-4o"


@pytest.fixture
def state(tmp_path: Path) -> State:
    """Two accounts in one region and one in another, with 100 units each."""
    raw = worlds.world(
        worlds.account("one", worlds.deployment()),
        worlds.account("two", worlds.deployment()),
        worlds.account("far", worlds.deployment(), region="westus"),
    )
    raw["limits"].append(worlds.limit(POOL, 500, "westus"))
    clock = Clock(frozen_at=parse_time(LOADED_AT))
    stored = {"loaded_at": LOADED_AT, "world": raw, "clock": clock.as_json()}
    return State(tmp_path, stored, clock)


def held(state: State, region: str = REGION) -> float:
    rows = usage_rows(state, SUBSCRIPTION, region)
    return next(row["currentValue"] for row in rows if row["name"]["value"] == POOL)


def delete(state: State, name: str) -> None:
    account = next(each for each in state.world.accounts if each.name == name)
    state.resources.delete_account(account, state.clock.now())


@pytest.mark.parametrize("scope", ["Classic", "Global"])
def test_a_deleted_account_counts_for_48_hours(state: State, scope: str):
    state.quota.move(POOL, scope)
    before = held(state)
    delete(state, "two")
    assert held(state) == before
    state.clock.advance(timedelta(hours=48).total_seconds() - 1)
    assert held(state) == before
    state.clock.advance(1)
    assert held(state) == before - 100


def test_a_purged_account_counts_no_longer(state: State):
    delete(state, "two")
    state.resources.purge_account(state.resources.deleted(state.clock.now())[0])
    assert held(state) == 100


def test_a_shared_pool_counts_deleted_accounts_of_every_region(state: State):
    state.quota.move(POOL, "Global")
    delete(state, "far")
    assert held(state) == held(state, "westus") == held(state, "global") == 300


def test_what_deleted_deployments_hold_is_also_missing_in_the_service(state: State):
    state.service_capacity.put(REGION, "GlobalStandard", 250)
    delete(state, "two")
    assert state.service_capacity.left(REGION, "globalstandard") == 50
