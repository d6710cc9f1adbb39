"""Callers and what came past the gateway are the deployment's numbers, minute by minute."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.gateway_file import read_gateways
from simulator.gateway_traffic import Counts, Split, sampled, split
from simulator.gateways import Gateway
from simulator.hashing import uniforms
from simulator.tests import worlds
from simulator.world_checks import WorldError

MINUTES = np.arange(29_500_000, 29_500_120, dtype=np.int64)
SUMMED = ("ok", "throttled", "failed", "prompt", "generated")
KNOWN = ({worlds.SUBSCRIPTION}, {"one/chat"})
UNLIMITED = [{"id": "radiology", "prompt_factor": 2}, {"id": "risk"}]
LIMITED = [{"id": "radiology", "tokens_per_minute": 6_000}, {"id": "risk"}]


def gateway_of(raw: dict[str, Any]) -> Gateway:
    (gateway,) = read_gateways({"gateways": [raw]}, *KNOWN)
    return gateway


def counts(ok: int = 40, throttled: int = 7, bad: int = 5, failed: int = 2) -> Counts:
    def each(value: int) -> Any:
        return np.full(MINUTES.size, value, dtype=np.int64)

    return Counts(
        MINUTES, each(ok), each(throttled), each(bad), each(failed), each(ok * 900), each(ok * 100)
    )


def parts_of(raw: dict[str, Any], whole: Counts, seed: int = 3) -> Split:
    gateway = gateway_of(raw)
    return split(whole, gateway, gateway.backends[0], seed)


@given(
    ok=st.integers(0, 500), throttled=st.integers(0, 90), bad=st.integers(0, 9),
    failed=st.integers(0, 9), bypass=st.floats(0, 1), filtered=st.floats(0, 1),
    weights=st.tuples(st.floats(0, 9), st.floats(0.01, 9)), seed=st.integers(0, 99),
    callers=st.sampled_from([UNLIMITED, LIMITED]),
)  # fmt: skip
def test_the_parts_sum_to_the_whole_whatever_the_shares(
    ok: int, throttled: int, bad: int, failed: int, bypass: float, filtered: float,
    weights: tuple[float, float], seed: int, callers: list[dict[str, Any]],
):  # fmt: skip
    behind = worlds.backend(
        bypass_share=bypass, content_filter_share=filtered,
        weights=[{"of": {"radiology": weights[0], "risk": weights[1]}}],
    )  # fmt: skip
    whole = counts(ok, throttled, bad, failed)
    parts = parts_of(worlds.gateway(behind, subscriptions=callers), whole, seed)
    for name in SUMMED:
        assert (getattr(parts, name).sum(axis=0) == getattr(whole, name)).all(), name
    assert ((parts.filtered + parts.bad).sum(axis=0) == whole.bad).all()
    for name in (*SUMMED, "filtered", "bad", "throttled_by_gateway"):
        assert (getattr(parts, name) >= 0).all(), name
    assert (parts.prompt[parts.ok == 0] == 0).all(), "no tokens without a request"


def test_shares_are_those_of_the_world_file_in_the_long_run():
    parts = parts_of(worlds.gateway(), counts())
    radiology, risk, keyless, past = parts.ok.sum(axis=1) / parts.ok.sum()
    assert (keyless, round(past, 2)) == (0.0, 0.1)
    assert radiology / risk == pytest.approx(3, rel=0.1)
    tokens = parts.prompt.sum(axis=1) / parts.ok.sum(axis=1).clip(1)
    assert tokens[0] / tokens[1] == pytest.approx(2, rel=0.1), "its requests are twice as large"


def test_shares_change_at_the_minute_that_is_said():
    steps = [{"of": {"radiology": 1}}, {"from": "2026-02-02T04:00:00Z", "of": {"risk": 1}}]
    begins = 29_500_080  # that moment
    parts = parts_of(worlds.gateway(worlds.backend(weights=steps, bypass_share=0)), counts())
    before = begins > MINUTES
    assert before.sum() == 80
    assert (parts.ok[0] == np.where(before, 40, 0)).all()
    assert (parts.ok[1] == np.where(before, 0, 40)).all()


def test_a_minute_does_not_depend_on_the_run_it_is_asked_in():
    gateway, whole = gateway_of(worlds.gateway()), counts()
    late = slice(77, 90)
    part = Counts(*(getattr(whole, name)[late] for name in Counts.__dataclass_fields__))
    alone = split(part, gateway, gateway.backends[0], 3)
    for name in SUMMED:
        assert (
            getattr(alone, name) == getattr(parts_of(worlds.gateway(), whole), name)[:, late]
        ).all()


def test_those_who_share_a_counter_share_its_tokens_as_they_want_them():
    raw = worlds.gateway(subscriptions=[{"id": "radiology"}, {"id": "risk"}])
    gateway, whole = gateway_of(raw), counts(throttled=0, bad=0, failed=0)
    shared = np.full((4, MINUTES.size), np.inf)
    shared[:2, 60:] = 10_000  # of 40,000 a minute
    parts = split(whole, gateway, gateway.backends[0], 3, [shared])
    tokens = parts.prompt + parts.generated
    assert tokens[:2, 60:].sum(axis=0).mean() == pytest.approx(10_000, rel=0.1)
    assert tokens[0, 60:].sum() / tokens[1, 60:].sum() == pytest.approx(3, rel=0.2)
    assert parts.throttled_by_gateway[:, :60].sum() == 0
    free = split(whole, gateway, gateway.backends[0], 3, [])
    assert (parts.ok[:, :60] == free.ok[:, :60]).all()


def test_a_subscription_with_a_limit_is_held_at_it_and_the_gateway_counts_what_it_refused():
    free = parts_of(worlds.gateway(subscriptions=[{"id": "radiology"}, {"id": "risk"}]), counts())
    held = parts_of(worlds.gateway(subscriptions=LIMITED), counts())
    tokens = (held.prompt + held.generated)[0]
    assert tokens.mean() == pytest.approx(6_000, rel=0.05)
    assert (free.prompt + free.generated)[0].mean() > 20_000
    assert free.throttled_by_gateway.sum() == 0
    assert held.throttled_by_gateway[0].mean() == pytest.approx(0.9 * 0.75 * 54 - 8, abs=2)
    assert held.throttled_by_gateway[1:].sum() == 0
    assert (held.ok.sum(axis=0) == 40).all(), "the others fill in"


def test_when_all_are_held_the_rest_comes_past_the_gateway():
    both = [
        {"id": "radiology", "tokens_per_minute": 1_000},
        {"id": "risk", "tokens_per_minute": 500},
    ]
    parts = parts_of(worlds.gateway(worlds.backend(bypass_share=0), subscriptions=both), counts())
    assert parts.ok[-1].mean() > 37


def test_filtered_requests_are_a_part_of_the_400s():
    parts = parts_of(worlds.gateway(worlds.backend(content_filter_share=0.5)), counts())
    assert parts.filtered.sum() / (5 * MINUTES.size) == pytest.approx(0.5, rel=0.1)


@given(whole=st.integers(0, 10_000), seed=st.integers(0, 1_000))
def test_a_part_is_its_share_rounded_up_or_down(whole: int, seed: int):
    weights = np.array([[0.2], [0.5], [0.3]])
    chance = uniforms(seed, np.array([1]))
    parts = sampled(np.array([whole]), weights, chance)[:, 0]
    assert parts.sum() == whole
    assert (np.abs(parts - whole * weights[:, 0]) < 1 + 1e-6).all()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"workspace": "mine"}, "gateways[0].workspace: 'mine' is no GUID."),
        ({"subscription": "x"}, "gateways[0].subscription: x is not among the subscriptions."),
        ({"subscriptions": [{"id": "a"}, {"id": "a"}]}, "an id is there twice"),
        ({"subscriptions": [{"id": "a", "product": "p"}]}, "'p' is not among the products"),
        ({"subscriptions": [{"id": "a", "tokens_per_minute": 0}]}, "a whole number from 1, got 0"),
        ({"logs_bodies": "no"}, "logs_bodies: expected true or false, got 'no'."),
        ({"backends": [worlds.backend(deployment="one/none")]}, "there is no one/none"),
        ({"backends": [worlds.backend(weights=[])]}, "expected at least one step"),
        ({"backends": [worlds.backend(weights=[{"of": {"x": 1}}])]}, "'x' is not among"),
        ({"backends": [worlds.backend(weights=[{"of": {"risk": 0}}])]}, "at least one weight"),
        ({"backends": [worlds.backend(bypass_share=2)]}, "a number from 0 to 1, got 2."),
        ({"backends": [worlds.backend(), worlds.backend()]}, "one/chat is behind a gateway twice."),
    ],
)
def test_a_wrong_gateway_gets_a_sentence_that_names_the_place(changes: dict[str, Any], says: str):
    raw = worlds.world_of(worlds.deployment())
    raw["gateways"] = [worlds.gateway(**({"backends": [worlds.backend()]} | changes))]
    with pytest.raises(WorldError) as refused:
        worlds.parsed(raw)
    assert says in str(refused.value)
