"""Incidents, their likely cause, and the demand that stands behind refused attempts."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from showback.domain.lost_demand import UNKNOWN, unique_share
from showback.domain.measures import MISSING
from showback.domain.throttling import Cause, Confidence, Minutes, Verdict, incidents
from showback.domain.throttling_causes import explained
from showback.tests.domain.traffic import Case, play, provisioned

TOKENS = Case(units=100)
REQUESTS = Case(units=20, prompt=50, generated=10)


def ints(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def verdict(minutes: Minutes) -> Verdict:
    """Of the longest incident."""
    found = explained(minutes)
    return max(found, key=lambda each: each[0].minutes)[1]


# ── Incidents ─────────────────────────────────────────────────────────────────────────────────


def test_two_quiet_minutes_do_not_end_an_incident_and_three_do():
    found = incidents(ints(0, 3, 0, 0, 2, 0, 0, 0, 1, 0))
    assert [(i.start, i.end, i.minutes, i.requests) for i in found] == [(1, 5, 2, 5), (8, 9, 1, 1)]


def test_a_gap_neither_starts_nor_ends_an_incident():
    found = incidents(ints(-1, 3, -1, -1, 2, -1))
    assert [(i.start, i.end) for i in found] == [(1, 5)]
    assert incidents(ints(-1, -1, 0)) == []


@given(st.lists(st.integers(-1, 3), max_size=80))
def test_every_refused_minute_is_in_one_incident_and_incidents_lie_apart(values):
    refused = np.array(values, dtype=np.int64)
    found = incidents(refused)
    assert sum(i.minutes for i in found) == (refused > 0).sum()
    assert sum(i.requests for i in found) == refused[refused > 0].sum()
    assert all(later.start - earlier.end > 2 for earlier, later in pairwise(found))
    for i in found:
        assert refused[i.start] > 0 < refused[i.end - 1]


# ── The rule ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("case", "cause"),
    [
        (TOKENS, Cause.TOKENS),
        (replace(TOKENS, stated=4.0, units=150), Cause.TOKENS),
        (REQUESTS, Cause.REQUESTS),
        (replace(REQUESTS, units=60, slice_share=0.6), Cause.REQUEST_SLICES),
        (replace(TOKENS, units=250, lowered=0.3), Cause.LIMIT_LOWERED),
        (replace(TOKENS, units=200, surge=1.5, neighbour=1.5), Cause.NEIGHBOUR),
        (replace(TOKENS, units=100, surge=4.0, neighbour=0.1), Cause.TOKENS),
    ],
)
def test_each_cause_is_told_with_high_confidence(case, cause):
    found = verdict(play(case).minutes)
    assert (found.cause, found.confidence) == (cause, Confidence.HIGH)
    assert found.because.endswith(".")


def test_max_tokens_that_are_never_generated_are_named():
    assert verdict(play(replace(TOKENS, stated=4.0, units=150)).minutes).counts_max_tokens
    assert not verdict(play(TOKENS).minutes).counts_max_tokens


def test_refusals_of_the_gateway_alone_are_its_own_limit():
    minutes = play(TOKENS).minutes
    nothing = np.zeros_like(minutes.refused)
    alone = replace(minutes, refused=nothing, by_gateway=minutes.refused)
    found = verdict(alone)
    assert (found.cause, found.confidence) == (Cause.GATEWAY_LIMIT, Confidence.HIGH)
    both = verdict(replace(minutes, by_gateway=minutes.refused * 2))
    assert (both.cause, both.confidence) == (Cause.GATEWAY_LIMIT, Confidence.MEDIUM)


@pytest.mark.parametrize(
    ("percent", "confidence"),
    [(99, Confidence.HIGH), (75, Confidence.MEDIUM), (30, Confidence.LOW), (-1, Confidence.LOW)],
)
def test_provisioned_units_that_refuse_were_full_if_only_for_seconds(percent, confidence):
    minutes = provisioned(play(TOKENS).minutes, percent)
    if percent < 0:
        minutes = replace(minutes, utilisation_percent=np.full_like(minutes.load, MISSING))
    found = verdict(minutes)
    assert (found.cause, found.confidence) == (Cause.PTU_FULL, confidence)


def test_of_a_shared_deployment_without_a_gateway_nobody_can_tell_whose_calls_they_were():
    minutes = play(replace(TOKENS, surge=1.5, neighbour=2.0)).minutes
    unmeasured = replace(minutes, own_share=np.full_like(minutes.load, MISSING))
    found = verdict(unmeasured)
    assert (found.cause, found.confidence) == (Cause.CANNOT_TELL, Confidence.NONE)
    assert "no gateway measured" in found.because


def test_without_limits_and_without_enough_minutes_it_says_so():
    minutes = play(TOKENS).minutes
    gap = np.full_like(minutes.load, MISSING)
    assert verdict(replace(minutes, token_limit=gap, request_limit=gap)).cause == Cause.CANNOT_TELL
    short = play(replace(TOKENS, units=250, lowered=0.3, incident=(600, 603))).minutes
    assert verdict(short).cause == Cause.CANNOT_TELL


def test_a_level_that_nothing_else_exceeds_is_not_called_a_lowered_limit_for_sure():
    """Lowered for the whole history, with one size of request: it may be max_tokens as well."""
    case = replace(TOKENS, units=250, lowered=0.3, incident=(0, 2 * 1440), surge=2.5)
    found = verdict(play(case).minutes)
    assert found.confidence != Confidence.HIGH


# ── Lost demand ───────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("attempts", [1, 2, 3, 4])
@pytest.mark.parametrize("level", [30.0, 300.0])
def test_retries_are_not_counted_as_demand(attempts, level):
    units = int(level * 1.2 * 1.6)
    incident = (600, 1000)
    case = Case(units=units, level=level, attempts=attempts, incident=incident)
    played = play(case)
    share = unique_share(played.minutes.served, played.minutes.refused)
    assert share.is_measured
    estimate, low, high = share.requests(int(played.minutes.refused.sum()))
    assert estimate == pytest.approx(played.lost.sum(), rel=0.2)
    assert low <= estimate <= high


def test_without_refusals_or_without_a_wobble_every_factor_is_possible():
    calm = np.full(2_000, 50, dtype=np.int64)
    refused = np.where(np.arange(2_000) % 100 < 20, 5, 0)
    assert unique_share(calm, np.zeros_like(calm)) == UNKNOWN
    assert unique_share(calm, refused) == UNKNOWN
    assert unique_share(calm[:3], refused[:3]) == UNKNOWN
    assert UNKNOWN.requests(100) == (50, 25, 100)


@given(st.integers(0, 2**31), st.integers(1, 4))
def test_the_share_lies_within_its_range_and_gaps_do_not_matter(seed, attempts):
    rng = np.random.default_rng(seed)
    served, wanted = np.full(600, 0), rng.poisson(40, 600)
    limit = np.where(np.arange(600) > 400, 30, 1_000)
    served = np.minimum(wanted, limit)
    refused = (wanted - served) * attempts
    refused[rng.integers(0, 600, 20)] = MISSING
    share = unique_share(served, refused)
    assert 0.25 <= share.low <= share.likely <= share.high <= 1
