"""The token bucket: the first requests of a minute are served, the rest get a 429."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.admission import Budget, admit
from simulator.clock import MINUTES_PER_DAY
from simulator.demand import Demand, sum_by_minute
from simulator.hashing import Ints
from simulator.traces import Requests

EVEN = (np.ones(MINUTES_PER_DAY), 1)
sizes = st.lists(st.tuples(st.integers(0, 900), st.integers(0, 300)), min_size=0, max_size=40)


def budget(requests: int, tokens: int) -> Budget:
    return Budget(np.full(MINUTES_PER_DAY, requests), np.full(MINUTES_PER_DAY, tokens))


def listed(*requests: tuple[int, int], minute: int = 5) -> Demand:
    """Requests of (prompt, generated) tokens, all in one minute."""
    rows = Requests(
        minute=np.full(len(requests), minute, dtype=np.int64),
        prompt=np.array([each[0] for each in requests], dtype=np.int64),
        generated=np.array([each[1] for each in requests], dtype=np.int64),
    )
    return Demand(
        requests=sum_by_minute(rows.minute, None),
        prompt=sum_by_minute(rows.minute, rows.prompt),
        generated=sum_by_minute(rows.minute, rows.generated),
        cache_percent=np.zeros(MINUTES_PER_DAY),
        listed=rows,
    )


def summed(demand: Demand) -> Demand:
    return Demand(demand.requests, demand.prompt, demand.generated, demand.cache_percent)


def test_the_request_that_reaches_the_limit_is_served_and_the_next_is_not():
    served = admit(listed((60, 40), (60, 40), (60, 40)), budget(99, 150), EVEN)
    assert (served.requests[5], served.prompt[5], served.generated[5]) == (2, 120, 80)


def test_a_counter_that_has_reached_the_limit_exactly_admits_no_more():
    served = admit(listed((60, 40), (60, 40), (60, 40)), budget(99, 200), EVEN)
    assert served.requests[5] == 2


def test_requests_per_minute_are_limited_too():
    served = admit(listed((1, 1), (1, 1), (1, 1)), budget(2, 10_000), EVEN)
    assert (served.requests[5], served.prompt[5]) == (2, 2)


def test_served_tokens_are_those_of_the_first_requests():
    served = admit(listed((500, 0), (20, 7), (30, 9)), budget(99, 510), EVEN)
    assert (served.requests[5], served.prompt[5], served.generated[5]) == (2, 520, 7)


def test_each_minute_has_its_own_counter():
    first, second = listed((60, 40), (60, 40), minute=5), listed((60, 40), (60, 40), minute=6)
    joined = Requests(*(np.concatenate([getattr(first.listed, name), getattr(second.listed, name)])
                        for name in ("minute", "prompt", "generated")))  # fmt: skip
    both = Demand(
        first.requests + second.requests,
        first.prompt + second.prompt,
        first.generated + second.generated,
        first.cache_percent,
        joined,
    )
    served = admit(both, budget(99, 100), EVEN)
    assert (served.requests[5], served.requests[6]) == (1, 1)


def test_output_weighs_more_and_cached_prompt_weighs_less_on_provisioned_throughput():
    weights = (np.full(MINUTES_PER_DAY, 0.5), 4)  # half the prompt cached, output × 4
    served = admit(listed((100, 10), (100, 10), (100, 10)), budget(99, 150), weights)
    assert served.requests[5] == 2  # 90 each: the second starts below 150, the third does not


@given(sizes, st.integers(0, 40), st.integers(0, 20_000), st.integers(0, 20_000))
def test_raising_capacity_never_raises_429s(
    requests: list[tuple[int, int]], rpm: int, tokens: int, more: int
):
    for demand in (listed(*requests), summed(listed(*requests))):
        little = admit(demand, budget(rpm, tokens), EVEN)
        much = admit(demand, budget(rpm + more // 100, tokens + more), EVEN)
        assert (much.requests >= little.requests).all()
        assert (much.prompt >= little.prompt).all()
        assert (little.requests <= demand.requests).all()


@given(sizes, st.integers(0, 40), st.integers(0, 20_000))
def test_the_listed_form_is_exactly_a_loop_over_the_requests(
    requests: list[tuple[int, int]], rpm: int, tokens: int
):
    counter = count = prompt = generated = 0
    for asked, answered in requests:
        if counter >= tokens or count >= rpm:
            break
        counter += asked + answered
        count, prompt, generated = count + 1, prompt + asked, generated + answered
    served = admit(listed(*requests), budget(rpm, tokens), EVEN)
    assert (served.requests[5], served.prompt[5], served.generated[5]) == (count, prompt, generated)


@given(st.integers(1, 30), st.integers(1, 500), st.integers(0, 200), st.integers(0, 9000))
def test_equal_requests_are_admitted_alike_in_both_forms(
    count: int, prompt: int, generated: int, tokens: int
):
    demand = listed(*[(prompt, generated)] * count)
    one_by_one = admit(demand, budget(999, tokens), EVEN)
    together = admit(summed(demand), budget(999, tokens), EVEN)
    assert (one_by_one.requests == together.requests).all()
    assert (one_by_one.prompt == together.prompt).all()


def in_seconds(*requests: tuple[int, int]) -> Demand:
    """Requests of (second of the minute, tokens), all in minute 5."""
    rows = sorted(requests)
    demand = listed(*((tokens, 0) for _, tokens in rows))
    second = np.array([each[0] for each in rows], dtype=np.int64)
    assert demand.listed is not None
    return replace(demand, listed=replace(demand.listed, second=second))


def slots_of(demand: Demand) -> Ints:
    assert demand.listed is not None
    assert demand.listed.second is not None
    slot = demand.listed.minute * 6 + demand.listed.second // 10
    return np.bincount(slot, minlength=MINUTES_PER_DAY * 6).reshape(MINUTES_PER_DAY, 6)


def test_ten_seconds_admit_a_sixth_of_the_minutes_requests_each():
    demand = in_seconds((0, 5), (3, 6), (9, 7), (10, 8), (25, 9))
    sliced = replace(budget(6, 10_000), slice_requests=np.full(MINUTES_PER_DAY, 1))
    served = admit(demand, sliced, EVEN, slots_of(demand))
    assert (served.requests[5], served.prompt[5]) == (3, 5 + 8 + 9)
    assert admit(demand, budget(6, 10_000), EVEN, slots_of(demand)).requests[5] == 5


@given(
    st.lists(st.tuples(st.integers(0, 59), st.integers(1, 300)), max_size=40),
    st.integers(0, 40), st.integers(0, 6000),
)  # fmt: skip
def test_slices_are_exactly_a_loop_over_the_requests(
    requests: list[tuple[int, int]], rpm: int, tokens: int
):
    a_slice = -(-rpm // 6)
    slots, counter, count, prompt = [0] * 6, 0, 0, 0
    for second, size in sorted(requests):
        slots[second // 10] += 1
        if slots[second // 10] > a_slice or counter >= tokens or count >= rpm:
            continue
        counter, count, prompt = counter + size, count + 1, prompt + size
    demand = in_seconds(*requests)
    sliced = replace(budget(rpm, tokens), slice_requests=np.full(MINUTES_PER_DAY, a_slice))
    served = admit(demand, sliced, EVEN, slots_of(demand))
    assert (served.requests[5], served.prompt[5]) == (count, prompt)
