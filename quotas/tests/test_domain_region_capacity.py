"""How much Azure has, against what is to be added."""

import pytest

from portal.kernel.units import UnitStep
from quotas.domain.region_capacity import Available, is_short, places_for, shortage_sentence
from quotas.domain.residency import Place

STEP = UnitStep(15, 5)
HERE = Place("GlobalProvisionedManaged", "eastus2")


@pytest.mark.parametrize(
    ("growth", "available", "short"),
    [
        (10, 0, False),  # less than a new deployment: the answer leaves it open
        (15, 0, True),
        (40, 40, False),
        (45, 40, True),
    ],
)
def test_a_grow_is_short_where_that_is_certain(growth: int, available: int, short: bool) -> None:
    assert is_short(growth, available, STEP) is short


def test_places_that_have_it_are_told_the_same_type_first_and_three_at_most() -> None:
    same = [Available(Place(HERE.sku_name, region), 50 + n) for n, region in enumerate("abc")]
    regional = Available(Place("ProvisionedManaged", "eastus2"), 900)
    too_small = Available(Place(HERE.sku_name, "small"), 49)
    other_kind = Available(Place("GlobalStandard", "eastus2"), 9000)
    rows = [Available(HERE, 50), too_small, other_kind, regional, *same]
    assert [place.region for place in places_for(50, rows, HERE)] == ["c", "b", "a"]
    assert places_for(50, [other_kind, regional], HERE) == [regional.place]
    assert places_for(50, [too_small, other_kind], HERE) == []
    standard, batch = Place("Standard", "eastus2"), Available(Place("GlobalBatch", "b"), 900)
    assert places_for(50, [other_kind, regional, batch], standard) == [other_kind.place]


def test_the_sentence_says_how_much_there_is_and_where_else() -> None:
    text = shortage_sentence("gpt-4o", HERE, 50, 40, STEP, [Place("ProvisionedManaged", "a")])
    assert "50 more provisioned units of gpt-4o" in text
    assert "only for 40" in text
    assert "as ProvisionedManaged in a: plan a deployment there" in text
    nothing = shortage_sentence("gpt-4o", HERE, 50, 0, STEP, [])
    assert "only for fewer than 15" in nothing
    assert "No other place" in nothing
