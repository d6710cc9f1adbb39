"""Where a deployment should be: never where residency bars it, always in one order, honestly."""

from decimal import Decimal
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from quotas.domain.residency import Place, Reach, why_barred
from quotas.domain.suggestion import (
    Latency,
    ListPrice,
    Need,
    Option,
    Shape,
    Suggestion,
    suggest,
)

REGIONS = ("swedencentral", "westeurope", "eastus2", "japaneast")
SKUS = (
    "Standard", "DataZoneStandard", "GlobalStandard", "ProvisionedManaged",
    "GlobalProvisionedManaged", "GlobalBatch", "DeveloperTier",
)  # fmt: skip

amounts = st.none() | st.integers(0, 5_000)
prices = st.builds(
    ListPrice,
    input_per_million=st.none() | st.decimals("0.01", "90", places=3),
    output_per_million=st.none() | st.decimals("0.01", "90", places=3),
    per_unit_hour=st.none() | st.decimals("0.5", "3", places=2),
)
places = st.builds(Place, sku_name=st.sampled_from(SKUS), region=st.sampled_from(REGIONS))
options = st.lists(
    st.builds(
        Option,
        key=st.uuids().map(str),
        place=places,
        account=st.sampled_from(["one", "two"]),
        units=amounts,
        free_units=st.none() | st.integers(-500, 5_000),
        is_paused=st.sampled_from(["", "", "Azure lists its quota no more"]),
        price=prices,
    ),
    max_size=8,
    unique_by=lambda option: option.key,
)
needs = st.builds(
    Need,
    reach=st.sampled_from(Reach),
    home=st.sampled_from(["", *REGIONS]),
    latency=st.sampled_from(Latency),
    shape=st.sampled_from(Shape),
)


def option(sku: str = "GlobalStandard", region: str = "eastus2", **more: object) -> Option:
    facts: dict[str, object] = {
        "key": f"{sku} {region}",
        "place": Place(sku, region),
        "account": "one",
        "units": 40,
        "free_units": 1_000,
        "price": ListPrice(Decimal("2.50"), Decimal(10), Decimal(1)),
    }
    return Option(**{**facts, **more})  # type: ignore[arg-type]


def need(reach: Reach = Reach.ANYWHERE, home: str = "", **more: object) -> Need:
    facts: dict[str, object] = {"latency": Latency.INTERACTIVE, "shape": Shape.OFFICE_HOURS}
    return Need(reach, home, **{**facts, **more})  # type: ignore[arg-type]


def keys(found: Suggestion) -> list[str]:
    return [each.option.key for each in found.options]


def reasons(found: Suggestion, number: int = 0) -> dict[str, tuple[bool, str]]:
    return {each.topic: (each.known, each.text) for each in found.options[number].reasons}


@given(needs, options)
def test_what_residency_bars_is_never_suggested(wanted, given_options):
    home = [wanted.home] if wanted.home else []
    for each in suggest(wanted, given_options).options:
        assert why_barred(wanted.reach, each.option.place, home) == ""


@given(needs, options)
def test_data_with_a_home_goes_nowhere_while_nobody_has_said_where_that_is(wanted, given_options):
    found = suggest(wanted, given_options)
    assert wanted.home or wanted.reach == Reach.ANYWHERE or not found.options


@given(needs, options, st.randoms())
def test_the_order_does_not_depend_on_how_options_come_in(wanted, given_options, random):
    shuffled = random.sample(given_options, len(given_options))
    assert suggest(wanted, shuffled) == suggest(wanted, given_options)


@given(needs, options)
def test_each_option_is_suggested_or_rejected_with_a_reason_and_never_both(wanted, given_options):
    found = suggest(wanted, given_options)
    both = keys(found) + [each.option.key for each in found.rejected]
    assert sorted(both) == sorted(each.key for each in given_options)
    assert all(each.why for each in found.rejected)
    assert all(each.reasons for each in found.options)


@given(needs, options)
def test_what_is_suggested_fits_and_is_known_to_fit(wanted, given_options):
    for each in suggest(wanted, given_options).options:
        assert each.option.units is not None
        assert each.option.free_units is not None
        assert each.option.units <= each.option.free_units


@given(needs, options)
def test_unpriced_options_say_that_their_cost_cannot_be_said(wanted, given_options):
    found = suggest(wanted, given_options)
    for number, each in enumerate(found.options):
        known, text = reasons(found, number)["cost"]
        assert known == each.option.is_priced
        assert known or "cannot be said" in text


@given(options)
def test_a_shorter_reach_never_adds_an_option(given_options):
    found = [set(keys(suggest(need(reach, "westeurope"), given_options))) for reach in Reach]
    assert found[0] <= found[1] <= found[2]


def test_global_standard_is_barred_for_data_of_the_eu_and_says_why():
    found = suggest(
        need(Reach.DATA_ZONE, "westeurope"),
        [option("GlobalStandard", "westeurope"), option("DataZoneStandard", "swedencentral")],
    )
    assert keys(found) == ["DataZoneStandard swedencentral"]
    assert "any region of the world" in found.rejected[0].why
    assert reasons(found)["residency"] == (
        True, "Calls may be processed in any region of the data zone EU.",
    )  # fmt: skip


def test_where_somebody_waits_the_region_of_the_callers_comes_first_although_it_costs_more():
    near = option("Standard", "westeurope", price=ListPrice(Decimal("3.30")))
    far = option("GlobalStandard", "eastus2")
    assert keys(suggest(need(home="westeurope"), [far, near]))[0] == near.key
    relaxed = need(home="westeurope", latency=Latency.RELAXED)
    assert keys(suggest(relaxed, [far, near]))[0] == far.key


def test_provisioned_capacity_is_first_only_for_a_steady_load_whose_speed_has_to_hold():
    both = [option("GlobalProvisionedManaged", units=15), option("GlobalStandard")]
    for latency in Latency:
        for shape in Shape:
            first = suggest(need(latency=latency, shape=shape), both).options[0].option
            wants = (latency, shape) == (Latency.EVEN, Shape.STEADY)
            assert first.is_provisioned == wants


def test_provisioned_capacity_tells_the_price_of_a_month_and_that_whether_it_pays_is_not_known():
    wanted = need(latency=Latency.EVEN, shape=Shape.STEADY)
    told = reasons(suggest(wanted, [option("GlobalProvisionedManaged", units=15)]))
    assert told["cost"] == (
        True, "About $10,950 a month by the hour at list price, used or not.",
    )  # fmt: skip
    assert told["predictability"][0] is False


def test_prices_are_told_as_the_price_book_has_them():
    cheap = option(price=ListPrice(Decimal("0.075"), Decimal("0.600000")))
    told = reasons(suggest(need(), [cheap]))["cost"][1]
    assert told.startswith("$0.075 for a million tokens in, $0.60 out, at list price")


def test_how_quick_it_is_cannot_be_said_where_nobody_has_said_where_the_callers_are():
    assert reasons(suggest(need(), [option()]))["latency"][0] is False
    assert reasons(suggest(need(home="eastus2"), [option()]))["latency"][0] is True


def test_what_does_not_fit_says_how_much_is_free():
    found = suggest(need(), [option(units=1_200, free_units=1_000)])
    assert found.rejected[0].why == "it takes 1,200 units, and 1,000 are free for good"


def test_batch_is_rejected_with_what_it_would_be_good_for():
    found = suggest(need(shape=Shape.BATCH, latency=Latency.RELAXED), [option("GlobalBatch")])
    assert "for half the price" in found.rejected[0].why


def test_of_equals_the_wider_reach_comes_first_then_the_name():
    rows = [option("Standard"), option("GlobalStandard"), option("DataZoneStandard")]
    for order in permutations(rows):
        assert keys(suggest(need(home="eastus2"), order)) == [
            "GlobalStandard eastus2", "DataZoneStandard eastus2", "Standard eastus2",
        ]  # fmt: skip
