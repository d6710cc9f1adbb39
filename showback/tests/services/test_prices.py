"""Prices are added, chained and never edited; the shipped table is sound."""

from dataclasses import replace
from decimal import Decimal

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction

from portal.kernel.windows import FOREVER
from showback.models import PriceRow
from showback.services.price_data import shipped_prices
from showback.services.prices import PriceDiffers, load_prices
from showback.tests.factories import utc

pytestmark = pytest.mark.django_db


def gpt_4o(**more):
    found = next(
        row
        for row in shipped_prices()
        if (row.model_name, row.model_version) == ("gpt-4o", "")
        and row.sku_name == "GlobalStandard"
        and row.meter == "input"
    )
    return replace(found, **more)


def test_the_shipped_table_loads_and_loads_again(capsys):
    call_command("load_prices")
    call_command("load_prices")
    count = PriceRow.objects.count()
    assert count > 500
    assert f"0 prices added, {count} were there" in capsys.readouterr().out


def test_every_shipped_price_names_its_source_and_is_verified():
    for row in shipped_prices():
        assert row.source, row
        assert row.source_date.year == 2026, row
        assert row.confidence.startswith(("yes", "verified")), row
        assert row.effective_from.year < 2026 or row.note or row.meter == "ptu_hour", row


def test_a_later_price_ends_the_one_before_it():
    load_prices([gpt_4o()])
    later = utc("2026-06-01 00:00")
    load_prices([gpt_4o(price=Decimal(2), effective_from=later)])
    old, new = PriceRow.objects.order_by("effective_from")
    assert (old.effective_until, new.effective_until) == (later, FOREVER)
    assert old.price == Decimal("2.5")


def test_a_price_before_the_known_ones_ends_where_they_begin():
    load_prices([gpt_4o()])
    load_prices([gpt_4o(price=Decimal(5), effective_from=utc("2025-01-01 00:00"))])
    first = PriceRow.objects.order_by("effective_from").first()
    assert (first.price, first.effective_until) == (Decimal(5), gpt_4o().effective_from)


def test_the_past_is_never_edited():
    load_prices([gpt_4o()])
    other = gpt_4o(model_version="2024-05-13")
    with pytest.raises(PriceDiffers, match="Give the new price a later start"):
        load_prices([other, gpt_4o(price=Decimal(9))])
    assert PriceRow.objects.count() == 1
    assert PriceRow.objects.get().price == Decimal("2.5")


def test_the_database_refuses_two_prices_at_a_time():
    load_prices([gpt_4o()])
    row = PriceRow.objects.get()
    row.pk, row.price = None, 3
    with pytest.raises(IntegrityError, match="one_price_at_a_time"), transaction.atomic():
        row.save()
