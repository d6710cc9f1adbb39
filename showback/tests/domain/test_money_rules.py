"""Splits, prices, provisioned hours, months: the pure rules of cost."""

from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.windows import FOREVER, HOUR, MINUTE, Window
from showback.domain.attribution import Share, Use, shares_of, split_use
from showback.domain.bands import held_at_steps
from showback.domain.cost import to_hours
from showback.domain.holding import Span, held_by_hour
from showback.domain.months import Month, day_of, day_window, month_window, same_day_before
from showback.domain.percentiles import percentiles
from showback.domain.prices import Price, PriceBook, Priced
from showback.domain.provisioned import PtuModel
from showback.domain.ptu_split import PtuUse, ptu_parts
from showback.domain.replay import used_share_of_extra
from showback.domain.split import split_whole
from showback.selectors.ptu_models import ptu_models
from showback.tests.factories import utc

NOON = utc("2026-03-02 12:00")
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=8)


@given(st.integers(0, 10**12), WEIGHTS)
def test_parts_of_a_whole_sum_to_it_and_are_fair_to_less_than_one(whole, weights):
    parts = split_whole(whole, weights)
    assert sum(parts) == whole
    if sum(weights):
        for part, weight in zip(parts, weights, strict=True):
            assert abs(part * sum(weights) - whole * weight) < sum(weights)


def test_without_weight_everything_is_remainder():
    assert split_whole(7, [0, 0, 0]) == [0, 0, 7]


@pytest.mark.parametrize(("whole", "weights"), [(-1, [1]), (1, []), (1, [2, -1])])
def test_a_split_that_makes_no_sense_is_refused(whole, weights):
    with pytest.raises(ValueError, match="cannot share"):
        split_whole(whole, weights)


def test_whose_use_it_was():
    assert shares_of({7: 3600}, mapped=9) == [Share(7, 1, "holder")]
    assert shares_of({7: 10, 8: 30}, mapped=9) == [
        Share(7, 10, "held_share"),
        Share(8, 30, "held_share"),
    ]
    assert shares_of({None: 3600}, mapped=9) == [Share(9, 1, "mapping")]
    assert shares_of({}, mapped=None) == [Share(None, 1, "none")]


@given(st.tuples(*[st.integers(0, 10**7)] * 7), st.lists(st.integers(1, 999), min_size=1))
def test_use_shared_out_sums_to_the_whole(counts, weights):
    use = Use(*counts)
    shares = [Share(i, weight, "held_share") for i, weight in enumerate(weights)]
    parts = split_use(use, shares)
    assert sum(parts, Use()) == use
    assert all(0 <= part.cached <= part.prompt for part in parts)


def price(**more):
    facts = {
        "id": 1,
        "model_name": "gpt-4o",
        "model_version": "",
        "sku_name": "Standard",
        "service_tier": "standard",
        "region_scope": "",
        "meter": "input",
        "price": Decimal("2.5"),
        "per": 1_000_000,
        "window": Window(NOON, FOREVER),
    }
    return Price(**{**facts, **more})


WHAT = Priced("GPT-4o", "2024-05-13", "standard", "westus")


@pytest.mark.parametrize(
    "better",
    [
        {"region_scope": "zone:us"},
        {"region_scope": "westus"},
        {"model_version": "2024-05-13"},
    ],
)
def test_the_most_exact_price_wins(better):
    book = PriceBook([price(), price(id=2, **better)])
    assert book.find(WHAT, "input", NOON).id == 2


@pytest.mark.parametrize(
    "other",
    [
        {"region_scope": "zone:eu"},
        {"region_scope": "eastus"},
        {"model_version": "2024-11-20"},
        {"meter": "output"},
        {"sku_name": "GlobalStandard"},
        {"service_tier": "batch"},
        {"window": Window(NOON + HOUR, FOREVER)},
        {"window": Window(NOON - HOUR, NOON)},
        {"model_name": "gpt-4o-mini"},
    ],
)
def test_a_price_for_something_else_is_none(other):
    assert PriceBook([price(**other)]).find(WHAT, "input", NOON) is None


def test_batch_deployments_have_batch_prices():
    book = PriceBook([price(sku_name="GlobalBatch", service_tier="batch")])
    assert book.find(Priced("gpt-4o", "", "GlobalBatch", "westus"), "input", NOON).id == 1


def test_an_amount_is_exact():
    assert price(price=Decimal("0.0055")).amount(Decimal(7)) == Decimal("0.0000000385")


@given(st.lists(st.integers(1, 10**9), max_size=6))
def test_hours_of_parts_sum_to_the_hours_of_the_whole(seconds):
    assert sum(to_hours(seconds), Decimal(0)) == round(Decimal(sum(seconds)) / 3600, 6) or (
        abs(sum(to_hours(seconds)) - Decimal(sum(seconds)) / 3600) <= Decimal("0.0000005")
    )


MODEL = PtuModel(2500, Decimal(1), Decimal(0), Decimal(4))
HELD = st.dictionaries(st.sampled_from([1, 2, 3, None]), st.integers(1, 10**6), max_size=4)


@given(st.integers(0, 10**6), HELD, st.integers(0, 10**7), st.floats(0, 3))
def test_parts_of_an_hour_are_what_was_deployed(deployed, held, tokens, utilisation):
    for use in (
        PtuUse({1: tokens, 2: 5}, utilisation),
        PtuUse(None, utilisation),
        PtuUse(None, None),
    ):
        parts = ptu_parts(NOON, deployed=deployed, held=held, use=use, model=MODEL)
        assert sum(part.unit_seconds for part in parts) == deployed
        assert all(part.unit_seconds > 0 for part in parts)
        assert all((part.service_id is None) == (part.category == "unallocated") for part in parts)


def test_weights_come_from_the_published_table():
    """gpt-5.2, 100 calls a minute of 2,000 in and 200 out: 360,000 weighted tokens, 105.88 PTU."""
    model = ptu_models()["gpt-5.2"]
    weighted = model.weighted_tokens(prompt=200_000, cached=0, generated=20_000)
    assert weighted == 360_000
    assert weighted / model.input_tokens_per_minute_per_unit == pytest.approx(105.88, abs=0.01)
    half = model.weighted_tokens(prompt=200_000, cached=100_000, generated=20_000)
    assert half / model.input_tokens_per_minute_per_unit == pytest.approx(76.47, abs=0.01)


def test_a_reversal_takes_back_from_its_moment_on():
    window = Window(NOON, NOON + 2 * HOUR)
    half_past = Window(NOON + timedelta(minutes=30), NOON + 2 * HOUR)
    spans = [Span(1, 7, 10, window), Span(1, 7, -10, half_past)]
    assert held_by_hour(spans)[1, NOON] == {7: 10 * 1800}
    assert held_by_hour(spans)[1, NOON + HOUR] == {}


def test_bands_are_half_open():
    window = Window(NOON, NOON + 5 * MINUTE)
    spans = [(Window(NOON + MINUTE, NOON + 3 * MINUTE), 5), (Window(NOON - HOUR, FOREVER), 1)]
    assert held_at_steps(spans, window, MINUTE).tolist() == [1, 6, 6, 1, 1]


def test_months_and_days_of_a_zone():
    berlin = ZoneInfo("Europe/Berlin")
    march = month_window(Month.parse("2026-03"), berlin)
    assert (march.start, march.end) == (utc("2026-02-28 23:00"), utc("2026-03-31 22:00"))
    assert day_window(date(2026, 3, 29), berlin).length == 23 * HOUR
    assert day_of(march.start, berlin) == date(2026, 3, 1)
    assert same_day_before(date(2026, 3, 31), Month(2026, 2)) == date(2026, 2, 28)


@pytest.mark.parametrize("text", ["2026-13", "2026", "26-01", "2026-1", "x", "2026-00", "٢٠٢٦-٠١x"])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(ValueError, match=r"month|must be"):
        Month.parse(text)


def test_percentiles_are_minutes_that_were():
    values = np.arange(1, 101)
    assert percentiles(values, (0.5, 0.95, 0.99, 1.0)) == [50, 95, 99, 100]
    assert percentiles(np.array([], dtype=np.int64), (0.5,)) is None


def test_used_share_of_a_burst_is_of_its_best_minute():
    before = np.array([100, 100, 100])
    assert used_share_of_extra(np.array([90, 140, 120]), before, 80) == 0.5
    assert used_share_of_extra(np.array([90, 500, -1]), before, 80) == 1.0
    assert used_share_of_extra(np.array([-1, -1, -1]), before, 80) is None
