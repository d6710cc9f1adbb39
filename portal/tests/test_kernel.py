"""Windows, units and money: the arithmetic that everything else trusts."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.money import split_to_cents, to_cents
from portal.kernel.units import (
    BoundBy,
    UnitRate,
    UnitStep,
    amount_for,
    per_minute,
    units_for,
)
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to, floor_to_day, steps

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


def window(start: int, end: int) -> Window:
    return Window(BEGIN + start * MINUTE, BEGIN + end * MINUTE)


def test_i02_a_window_holds_its_start_and_not_its_end() -> None:
    day = window(0, 60)
    assert day.start in day
    assert day.end not in day


@pytest.mark.parametrize(("start", "end"), [(5, 5), (5, 4)])
def test_i02_an_empty_window_cannot_be(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="end after it starts"):
        window(start, end)


def test_a_naive_time_cannot_make_a_window() -> None:
    with pytest.raises(ValueError, match="aware"):
        Window(datetime(2026, 3, 1), datetime(2026, 3, 2))  # noqa: DTZ001


def test_neighbours_do_not_overlap() -> None:
    assert not window(0, 60).overlaps(window(60, 120))
    assert window(0, 61).overlaps(window(60, 120))
    assert window(0, 60).clipped_to(window(60, 120)) is None


@given(st.integers(0, 100), st.integers(1, 100), st.integers(0, 100), st.integers(1, 100))
def test_clipping_keeps_exactly_the_common_minutes(a: int, b: int, c: int, d: int) -> None:
    one, other = window(a, a + b), window(c, c + d)
    common = set(steps(one, MINUTE)) & set(steps(other, MINUTE))
    part = one.clipped_to(other)
    assert (set(steps(part, MINUTE)) if part else set()) == common
    assert one.holds(other) == (set(steps(other, MINUTE)) <= set(steps(one, MINUTE)))


def test_i14_a_length_is_the_same_across_a_change_of_summer_time() -> None:
    berlin_before, berlin_after = timezone(HOUR), timezone(2 * HOUR)
    start = datetime(2026, 3, 29, 1, 0, tzinfo=berlin_before)
    end = datetime(2026, 3, 29, 4, 0, tzinfo=berlin_after)
    assert Window(start, end).length == timedelta(hours=2)


def test_flooring_is_utc() -> None:
    at = datetime(2026, 3, 1, 0, 30, tzinfo=timezone(HOUR))
    assert floor_to_day(at) == datetime(2026, 2, 28, tzinfo=UTC)
    assert floor_to(BEGIN + timedelta(minutes=7, seconds=59), 5 * MINUTE) == BEGIN + 5 * MINUTE


@given(st.integers(0, 10**7), st.integers(0, 10**5), st.integers(1, 10**5), st.integers(1, 1000))
def test_units_are_the_fewest_that_give_both_limits(
    tokens: int, requests: int, per_unit: int, requests_per_unit: int
) -> None:
    rate = UnitRate(per_unit, requests_per_unit)
    units = units_for(tokens_per_minute=tokens, requests_per_minute=requests, rate=rate)
    assert units * per_unit >= tokens
    assert units * requests_per_unit >= requests
    if units:
        fewer = units - 1
        assert fewer * per_unit < tokens or fewer * requests_per_unit < requests


def test_the_documented_examples_of_units() -> None:
    gpt_4o = UnitRate(1000, 6)
    assert units_for(tokens_per_minute=120_001, rate=gpt_4o) == 121
    assert units_for(tokens_per_minute=1000, requests_per_minute=7, rate=gpt_4o) == 2
    assert per_minute(1, 10) == 6
    assert per_minute(1000, 60) == 1000


def test_asking_for_what_a_unit_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="tokens per minute"):
        units_for(tokens_per_minute=10, rate=UnitRate(None, None))
    with pytest.raises(ValueError, match="renews"):
        per_minute(1, 0)


amounts = st.lists(st.decimals(-1000, 1000, places=6), min_size=1, max_size=40)


@given(amounts)
def test_i21_parts_to_the_cent_sum_to_the_whole_to_the_cent(parts: list[Decimal]) -> None:
    rounded = split_to_cents(parts)
    assert sum(rounded) == to_cents(sum(parts, Decimal(0)))
    assert all(abs(r - p) <= Decimal("0.01") for r, p in zip(rounded, parts, strict=True))


def test_the_largest_remainder_gets_the_cent() -> None:
    third = Decimal(10) / 3
    assert split_to_cents([third, third, third]) == [
        Decimal("3.34"),
        Decimal("3.33"),
        Decimal("3.33"),
    ]


def test_parts_of_another_whole_are_refused() -> None:
    with pytest.raises(ValueError, match="not the whole"):
        split_to_cents([Decimal(1)], whole=Decimal(5))


def test_steps_are_contiguous() -> None:
    found = list(steps(window(0, 5), MINUTE))
    assert len(found) == 5
    assert all(b - a == MINUTE for a, b in pairwise(found))


def test_a_step_and_a_minimum_make_amounts_that_a_model_can_have() -> None:
    ptu = UnitStep(minimum=15, step=5)
    assert [ptu.at_least(n) for n in (0, 1, 15, 16, 20, 21)] == [0, 15, 15, 20, 20, 25]
    assert [ptu.at_most(n) for n in (0, 14, 15, 19, 20, 24)] == [0, 0, 15, 15, 20, 20]
    assert [ptu.on_top().at_least(n) for n in (0, 1, 5, 6)] == [0, 5, 5, 10]


possible_steps = st.builds(UnitStep, minimum=st.integers(1, 100), step=st.integers(1, 50))


@given(possible_steps, st.integers(1, 10**6))
def test_rounding_to_a_model_is_the_nearest_amount_it_can_have(step: UnitStep, units: int) -> None:
    up, down = step.at_least(units), step.at_most(units)
    assert down <= units <= up
    for found in (up, down):
        assert found == 0 or (found >= step.minimum and (found - step.minimum) % step.step == 0)
    assert up - (down or up) in (0, step.step)
    assert step.at_least(up) == step.at_most(up) == up


@given(
    st.integers(0, 10**7), st.integers(0, 10**5), st.integers(0, 10**4),
    st.integers(1, 10**5), st.integers(1, 1000), possible_steps,
)  # fmt: skip
def test_an_amount_gives_all_that_was_asked_and_no_smaller_one_does(
    tokens: int, requests: int, units: int, per_unit: int, requests_per_unit: int, step: UnitStep
) -> None:
    asked = {"tokens_per_minute": tokens, "requests_per_minute": requests, "units": units}
    rate = UnitRate(per_unit, requests_per_unit)
    found = amount_for(**asked, rate=rate, step=step)
    assert (found.tokens_per_minute, found.requests_per_minute) == (
        found.units * per_unit,
        found.units * requests_per_unit,
    )
    enough = [found.units * per_unit >= tokens, found.units * requests_per_unit >= requests]
    assert all(enough)
    assert found.units >= units
    fewer = step.at_most(found.units - 1) if found.units else 0
    if found.units:
        assert fewer * per_unit < tokens or fewer * requests_per_unit < requests or fewer < units
    assert amount_for(units=found.units, rate=rate, step=step).units == found.units
    assert found.is_rounded == (
        found.bound_by == BoundBy.MODEL
        or (found.bound_by == BoundBy.TOKENS and found.tokens_per_minute > tokens)
        or (found.bound_by == BoundBy.REQUESTS and found.requests_per_minute > requests)
    )


@pytest.mark.parametrize(
    ("asked", "units", "bound_by", "is_rounded"),
    [
        ({"tokens_per_minute": 79_500}, 80, BoundBy.TOKENS, True),
        ({"tokens_per_minute": 80_000}, 80, BoundBy.TOKENS, False),
        ({"tokens_per_minute": 1_000, "requests_per_minute": 12}, 2, BoundBy.REQUESTS, False),
        ({"tokens_per_minute": 1_000, "requests_per_minute": 13}, 3, BoundBy.REQUESTS, True),
        ({"units": 7}, 7, BoundBy.UNITS, False),
        ({}, 0, BoundBy.UNITS, False),
    ],
)
def test_the_rounding_says_what_decided(
    asked: dict[str, int], units: int, bound_by: BoundBy, is_rounded: bool
) -> None:
    found = amount_for(**asked, rate=UnitRate(1000, 6))
    assert (found.units, found.bound_by, found.is_rounded) == (units, bound_by, is_rounded)


def test_provisioned_throughput_is_rounded_to_what_the_model_can_have() -> None:
    found = amount_for(units=17, rate=UnitRate(2_500, None), step=UnitStep(15, 5))
    assert (found.units, found.bound_by) == (20, BoundBy.MODEL)
    assert found.requests_per_minute is None
