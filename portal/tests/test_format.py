"""How numbers and times look, as a specification."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Engine

from portal.kernel import formatting as f
from portal.kernel import formatting_times as t
from portal.kernel.shown import Shown
from portal.kernel.windows import FOREVER

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NINE = datetime(2025, 11, 14, 8, 0, tzinfo=UTC)  # 09:00 in Amsterdam, a Friday
PERCENT = "\u202f%"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (7, "7"), (950, "950"), (999.6, "1k"), (1_200, "1.2k"), (120_000, "120k"),
        (999_999, "1M"), (3_412_000, "3.41M"), (3_400_000, "3.4M"), (-1_500, "−1.5k"),
        (2_100_000_000, "2.1B"), (0.25, "0.25"), (10, "10"), (None, "–"),
    ],
)  # fmt: skip
def test_compact_numbers_have_three_digits(number, text):
    assert f.compact(number) == text


def test_tokens_per_minute_say_their_unit_and_keep_the_exact_value():
    shown = f.tpm(120_500)
    assert shown == "120k TPM"
    assert shown.exact == "120,500 tokens per minute"
    assert shown.value == "120500"


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("1240.40", "$1,240"), ("4.12", "$4.12"), ("99.999", "$100.00"), ("0.004", "<$0.01"),
        ("0", "$0"), ("-4.125", "−$4.12"), ("-1240", "−$1,240"),
    ],
)  # fmt: skip
def test_money_is_as_precise_as_its_size_asks(amount, text):
    assert f.money(Decimal(amount)) == text


def test_money_on_hover_is_exact_and_names_its_currency():
    assert f.money(Decimal("1240.123400")).exact == "$1,240.1234 USD"
    assert f.money(Decimal("-3"), "EUR").exact == "−€3.00 EUR"
    assert f.money(None) == "–"
    assert f.money(None).exact == "not known"


def test_statement_money_always_shows_its_cents():
    assert f.money_cents(Decimal("1240.1")) == "$1,240.10"
    assert f.money_cents(Decimal("7"), "CHF") == "CHF 7.00"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (0, "0"),
        (0.004, "<1"),
        (0.61, "61"),
        (0.996, ">99"),
        (1, "100"),
        (1.25, "125"),
        (-0.2, "−20"),
    ],
)
def test_percent_never_claims_nothing_or_all_too_early(fraction, text):
    assert f.percent(fraction) == text + PERCENT


def test_percent_on_hover_has_two_places():
    assert f.percent(Decimal("0.6124")).exact == "61.24" + PERCENT
    assert f.percent(None) == "–"


def test_a_change_carries_sign_arrow_and_word():
    assert f.change(112, 100) == f"▲ +12{PERCENT} more"
    assert f.change(92, 100) == f"▼ −8{PERCENT} less"
    assert f.change(5, 5) == "no change"
    assert f.change(5, 0) == "new"
    assert f.change(5, None) == "–"
    assert f.money_change(Decimal("-4.12")) == "▼ −$4.12 less"


def test_units_are_counted_in_words():
    assert [f.units(1), f.units(30), f.units(300, "PTU")] == ["1 unit", "30 units", "300 PTUs"]


def test_a_moment_is_in_the_persons_zone_with_utc_on_hover():
    shown = t.moment(NINE, AMSTERDAM)
    assert shown == "Fri 14 Nov, 09:00"
    assert shown.exact == "2025-11-14 08:00 UTC"
    assert shown.__html__() == (
        '<time datetime="2025-11-14T08:00:00Z" title="2025-11-14 08:00 UTC">'
        "Fri 14 Nov, 09:00</time>"
    )


def test_a_moment_of_another_year_names_it():
    next_year = NINE + timedelta(days=200)
    assert t.moment(NINE, AMSTERDAM, now=next_year) == "Fri 14 Nov 2025, 09:00"
    assert t.day(NINE, AMSTERDAM, now=NINE) == "Fri 14 Nov"


@pytest.mark.parametrize(
    ("hours", "text"),
    [
        (9, "Fri 14 Nov, 09:00–18:00"),
        (33, "Fri 14 Nov, 09:00 – Sat 15 Nov, 18:00"),
        (15, "Fri 14 Nov, 09:00–24:00"),
        (39, "Fri 14 Nov, 09:00 – Sat 15 Nov, 24:00"),
    ],
)
def test_a_window_repeats_the_day_only_when_it_changes(hours, text):
    assert t.span(NINE, NINE + timedelta(hours=hours), AMSTERDAM) == text


def test_a_window_without_an_end_says_so():
    shown = t.span(NINE, FOREVER, AMSTERDAM)
    assert shown == "from Fri 14 Nov, 09:00, no end"
    assert shown.exact == "2025-11-14 08:00 UTC to no end"
    assert t.moment(FOREVER, AMSTERDAM) == "no end"


@pytest.mark.parametrize(
    ("length", "text"),
    [
        (timedelta(hours=3, minutes=20), "3 h 20 min"), (timedelta(days=2, hours=4), "2 d 4 h"),
        (timedelta(seconds=45), "45 s"), (timedelta(hours=2), "2 h"), (timedelta(0), "0 s"),
        (timedelta(days=1, minutes=5), "1 d"), (None, "–"),
    ],
)  # fmt: skip
def test_a_duration_has_its_two_largest_parts(length, text):
    assert t.duration(length) == text


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=20), "just now"), (timedelta(minutes=3), "3 min ago"),
        (timedelta(hours=-2), "in 2 h"), (timedelta(days=3), "3 d ago"),
        (timedelta(days=9), "Fri 14 Nov, 09:00"),
    ],
)  # fmt: skip
def test_age_is_relative_within_a_week(ago, text):
    assert t.age(NINE, NINE + ago, AMSTERDAM) == text


def render(source: str, **context: object) -> str:
    engine = Engine(builtins=["portal.templatetags.portal_format"])
    return engine.from_string(source).render(Context(context))


def test_a_template_prints_the_exact_value_on_hover_and_escapes():
    assert render("{{ x|tpm }}", x=120_000) == (
        '<data value="120000" title="120,000 tokens per minute">120k TPM</data>'
    )
    assert render("{{ x }}", x=Shown("<b>", exact='"', value="&")) == (
        '<data value="&amp;" title="&quot;">&lt;b&gt;</data>'
    )


def test_a_value_formatted_in_python_needs_no_filter_and_is_plain_in_an_attribute():
    shown = f.money(Decimal("4.12"))
    page = render('<i title="{{ x|text }}">{{ x }}</i>', x=shown)
    assert page.startswith('<i title="$4.12"><data value="4.12"')


def test_small_filters():
    assert render("{{ x|per_cent_width }}", x=1.7) == "100.0%"
    assert render("{{ x|per_cent_width }}", x=None) == "0.0%"
    assert render("{{ x|initials }}", x="Ada King Lovelace") == "AL"
    assert "–" in render("{{ x|or_dash }}", x="")
    assert render("{{ x|or_dash }}", x=0) == "0"


@pytest.mark.parametrize(
    ("noun", "one"),
    [("deployments", "deployment"), ("entries", "entry"), ("services", "service"), ("days", "day")],
)
def test_a_noun_goes_with_its_number(noun: str, one: str):
    assert f.noun_for(noun, 1) == one
    assert [f.noun_for(noun, number) for number in (0, 2, 1_000)] == [noun] * 3
