"""Whether a model may still be asked for, by Azure's word and the house's own."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from quotas.domain.model_register import Life, Rule, Standing, judge, together

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BARS = Rule(allows=False, effective_from=NOON, reason="Too dear.", successor="gpt-5 1")
ALLOWS = Rule(allows=True, effective_from=NOON, reason="Until the migration.")


@pytest.mark.parametrize(
    ("life", "standing"),
    [
        (Life(), Standing.ALLOWED),
        (Life("GenerallyAvailable", NOON + DAY, is_planned=True), Standing.ALLOWED),
        (Life("GenerallyAvailable", NOON, is_planned=True), Standing.RETIRED),
        (Life("GenerallyAvailable", NOON - DAY, is_planned=False), Standing.ALLOWED),
        (Life("Deprecating", NOON + DAY, is_planned=True), Standing.DEPRECATED),
        (Life("Deprecated", NOON + DAY, is_planned=True), Standing.DEPRECATED),
        (Life("Deprecated"), Standing.RETIRED),
    ],
)
def test_what_azure_says_decides_where_the_house_says_nothing(life: Life, standing: Standing):
    assert judge(life, None, NOON).standing == standing


def test_the_houses_word_bars_what_azure_offers_and_allows_what_it_phases_out():
    barred = judge(Life("GenerallyAvailable", successor="gpt-4.1 2"), BARS, NOON)
    assert (barred.standing, barred.by_rule, barred.successor) == (
        Standing.DEPRECATED, True, "gpt-5 1",
    )  # fmt: skip
    ending = Life("Deprecating", NOON + DAY, is_planned=True, successor="gpt-4.1 2")
    allowed = judge(ending, ALLOWS, NOON)
    assert (allowed.is_allowed, allowed.successor) == (True, "gpt-4.1 2")
    assert judge(ending, ALLOWS, NOON + DAY).standing == Standing.RETIRED


def test_a_rule_holds_from_its_first_moment_on():
    assert judge(Life(), BARS, NOON - timedelta(minutes=1)).is_allowed
    assert not judge(Life(), BARS, NOON).is_allowed


def test_of_several_places_the_nearest_planned_end_counts_in_any_order():
    lives = [
        Life("GenerallyAvailable", NOON + DAY, is_planned=False),
        Life("Deprecating", NOON + 3 * DAY, is_planned=True, successor="b"),
        Life("GenerallyAvailable", NOON + 2 * DAY, is_planned=True, successor="a"),
    ]
    for some in permutations(lives):
        assert together(some) == Life("Deprecating", NOON + 2 * DAY, True, "a")
    assert together([]) == Life()
