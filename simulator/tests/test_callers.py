"""How callers behave decides what is served, refused and counted; the truth says why."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.hashing import Ints
from simulator.lowered_limits import LoweredLimits
from simulator.resources import Resources
from simulator.tests import worlds
from simulator.traffic import Served
from simulator.truth import CAUSES, truth_of_day
from simulator.world import Callers
from simulator.world_checks import WorldError
from simulator.world_traffic import read_traffic, traffic_json

DAY = worlds.day_of("2026-03-03")


def truth(*deployments: dict[str, Any], lowered: tuple[str, str, float] | None = None) -> Any:
    """Rows of the truth of the first deployment on that day."""
    resources = Resources(worlds.parsed(worlds.world_of(*deployments)), {}, {})
    limits = LoweredLimits()
    if lowered:
        limits.add("one/" + deployments[0]["name"], *lowered)
    served = Served(resources, Path("/nonexistent"), limits)
    return truth_of_day(served, resources.world.deployments[0], DAY)


def chat(capacity: int = 150, **traffic: Any) -> dict[str, Any]:
    """150 units: 150,000 tokens and 900 requests a minute, 72,000 and 60 asked for."""
    return worlds.deployment(capacity=capacity, traffic=worlds.profile(**traffic))


def causes(rows: dict[str, Ints]) -> set[str]:
    """Those that refused anything."""
    return {cause for cause in CAUSES if rows[f"refused_by_{cause}"].any()}


def balanced(rows: dict[str, Ints]) -> bool:
    """Every request ends in one way, and every refusal has one cause."""
    ends = rows["served"] + rows["errors"] + rows["refused"]
    why = sum(rows[f"refused_by_{cause}"] for cause in CAUSES)
    return bool((ends == rows["demanded_requests"]).all() and (why == rows["refused"]).all())


def test_a_plain_deployment_with_room_refuses_nothing():
    rows = truth(chat())
    assert balanced(rows)
    assert causes(rows) == set()
    assert np.array_equal(rows["attempts"], rows["demanded_requests"])


def test_too_many_tokens_in_a_minute_are_named_as_the_cause():
    assert causes(truth(chat(capacity=36))) == {"tokens_per_minute"}


def test_too_many_requests_in_a_minute_are_named_as_the_cause():
    small = chat(capacity=9, prompt_tokens=10, generated_tokens=0)  # 54 requests a minute
    assert causes(truth(small)) == {"requests_per_minute"}


def test_request_slices_refuse_bursts_although_the_minute_is_far_below_its_limit():
    rows = truth(chat(capacity=20, prompt_tokens=10, generated_tokens=1, burstiness=0.8,
                      request_slices=True))  # fmt: skip
    assert balanced(rows)
    assert causes(rows) == {"request_slices"}
    assert rows["demanded_requests"].max() < 120  # what 20 units allow in a minute
    assert rows["refused"].mean() > 10
    evenly = truth(chat(capacity=20, prompt_tokens=10, generated_tokens=1, request_slices=True))
    assert causes(evenly) == set()


def test_a_full_provisioned_deployment_is_named_as_the_cause():
    busy = worlds.provisioned(traffic=worlds.profile(peak_requests_per_minute=30))
    rows = truth(busy)
    assert balanced(rows)
    assert causes(rows) == {"ptu_full"}


def test_overstated_max_tokens_are_told_from_a_full_deployment():
    calm = worlds.profile(peak_requests_per_minute=12, max_tokens_factor=6.0)
    rows = truth(worlds.provisioned(traffic=calm))
    assert balanced(rows)
    assert rows["refused_by_max_tokens"].sum() > 0.9 * rows["refused"].sum() > 0
    assert "max_tokens" in causes(truth(chat(capacity=75, max_tokens_factor=4.0)))


def test_a_lowered_limit_refuses_for_its_time_only_and_is_named():
    when = ("2026-03-03T10:00:00Z", "2026-03-03T11:00:00Z", 0.3)
    rows, plain = truth(chat(), lowered=when), truth(chat())
    assert balanced(rows)
    assert causes(rows) == {"lowered_limit"}
    assert rows["refused"][600:660].mean() > 10
    rows["refused"][600:660] = 0
    assert np.array_equal(rows["refused"], plain["refused"])


def test_a_neighbour_takes_the_room_of_a_shared_deployment():
    neighbour = {"kind": "profile", "profile": "steady", "peak_requests_per_minute": 90,
                 "prompt_tokens": 1000, "generated_tokens": 200}  # fmt: skip
    rows, alone = truth(chat(neighbour=neighbour)), truth(chat())
    assert balanced(rows)
    assert causes(rows) == {"neighbour"}
    assert rows["neighbour_requests"].mean() == pytest.approx(90, rel=0.05)
    own = rows["demanded_requests"] - rows["neighbour_requests"]
    assert np.array_equal(own, alone["demanded_requests"])


@pytest.mark.parametrize("factor", [1.0, 2.5, 4.0])
def test_clients_that_retry_make_more_attempts_than_demand(factor: float):
    rows, once = truth(chat(capacity=36, retry_factor=factor)), truth(chat(capacity=36))
    assert balanced(rows)
    assert np.array_equal(rows["served"], once["served"])
    assert np.array_equal(rows["refused"], once["refused"])
    refused_attempts = rows["attempts"].sum() - rows["served"].sum()
    assert refused_attempts == pytest.approx(factor * rows["refused"].sum(), rel=0.01)


def test_errors_are_shares_of_what_was_admitted_and_are_not_billed():
    rows = truth(chat(bad_request_share=0.1, server_error_share=0.2))
    assert balanced(rows)
    assert rows["errors"].sum() / rows["demanded_requests"].sum() == pytest.approx(0.3, abs=0.01)
    raw = worlds.world_of(chat(bad_request_share=0.1, server_error_share=0.2))
    day = worlds.served(raw).day(worlds.parsed(raw).deployments[0], DAY)
    assert day.total(400).sum() / rows["demanded_requests"].sum() == pytest.approx(0.1, abs=0.01)
    assert day.prompt.sum() / day.total(200).sum() == pytest.approx(1000, rel=0.03)


def test_a_refusal_without_a_living_spill_over_target_is_a_plain_429():
    pair = (
        worlds.provisioned(traffic=worlds.profile(peak_requests_per_minute=30),
                           spillover_deployment_name="chat"),
        worlds.deployment(created_at="2026-03-03T12:00:00Z", capacity=500),
    )  # fmt: skip
    rows = truth(*pair)
    assert rows["refused"][:720].sum() > 0
    assert rows["spilled_away"][:720].sum() == 0
    assert np.array_equal(rows["spilled_away"][720:], rows["refused"][720:])


shares = st.floats(0, 0.5)


@settings(max_examples=15, deadline=None)
@given(shares, shares, st.floats(0, 1), st.booleans(), st.floats(1, 3), st.integers(20, 60),
       st.integers(1, 60))  # fmt: skip
def test_more_capacity_never_serves_fewer_whatever_the_callers_do(
    bad: float, broken: float, burst: float, sliced: bool, stated: float, little: int, more: int
):
    kind = {"burstiness": burst, "request_slices": sliced, "max_tokens_factor": stated}
    small, large = (truth(chat(capacity=units, **kind)) for units in (little, little + more))
    assert (large["served"] >= small["served"]).all()
    failing = truth(chat(capacity=little, bad_request_share=bad, server_error_share=broken, **kind))
    assert balanced(failing)
    assert np.array_equal(failing["refused"], small["refused"])


def test_every_field_of_callers_comes_back_from_json():
    values = {"api_name": "v9", "request_slices": True, "max_tokens_factor": 2.0,
              "retry_factor": 3.0, "burstiness": 0.5, "stream_share": 0.25, "priority_share": 0.5,
              "bad_request_share": 0.125, "server_error_share": 0.25}  # fmt: skip
    assert set(values) == {each.name for each in fields(Callers)}
    neighbour = worlds.profile(profile="office")
    traffic = read_traffic(worlds.profile(**values, neighbour=neighbour), lambda _name: True)
    assert traffic.callers == Callers(**values)
    assert read_traffic(traffic_json(traffic), lambda _name: True) == traffic


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"stream_share": 1.5}, "between 0 and 1"),
        ({"retry_factor": 9}, "between 1 and 4"),
        ({"request_slices": 1}, "true or false"),
        ({"bad_request_share": 0.7, "server_error_share": 0.7}, "more than 1 together"),
        ({"neighbour": {"kind": "trace"}}, "of kind profile"),
        ({"neighbour": {"kind": "profile", "neighbour": {}}}, "no neighbour of its own"),
    ],
)
def test_a_wrong_caller_is_refused_with_a_sentence(wrong: dict[str, Any], sentence: str):
    with pytest.raises(WorldError, match=sentence):
        worlds.parsed(worlds.world_of(chat(**wrong)))


def test_a_trace_on_provisioned_throughput_serves_the_first_requests_of_a_minute(tmp_path: Path):
    rows = [(second, 4500 + 10 * second) for second in range(0, 60, 5)]
    lines = [f"2023-11-16 18:17:{second:02}.0,{tokens},0" for second, tokens in rows]
    header = "TIMESTAMP,ContextTokens,GeneratedTokens\n"
    (tmp_path / "small.csv").write_text(header + "\n".join(lines) + "\n")
    trace = {"kind": "trace", "file": "small.csv", "start": "2026-03-03T10:00:00Z"}
    raw = worlds.world_of(worlds.provisioned(traffic=trace))  # 37,500 tokens a minute
    ptu = worlds.parsed(raw, tmp_path).deployments[0]
    day = worlds.served(raw, tmp_path).day(ptu, DAY)
    served = int(day.total(200)[600])
    assert 8 < served < 12
    assert day.prompt[600] == sum(tokens for _, tokens in rows[:served])
    assert day.total(429)[600] == 12 - served
    # The bucket drains what is left in the minute after.
    assert 0 < day.utilisation[601] < day.utilisation[600] <= 100
