"""List prices for what is not there yet: as the price book has them, never a guess."""

from decimal import Decimal

import pytest

from quotas.domain.suggestion import NO_PRICE
from quotas.gateway import Priced
from quotas.models import NEVER_THERE, Deployment
from quotas.selectors.metering import metered
from showback.evidence import UsageHistory
from showback.selectors.list_prices import list_prices
from showback.services.price_data import shipped_prices
from showback.services.prices import load_prices
from showback.tests.factories import utc

pytestmark = pytest.mark.django_db
AT = utc("2026-03-08 12:00")


def priced(model="gpt-4o", sku="GlobalStandard", region="eastus2"):
    return Priced(model, "2024-11-20", sku, region)


def test_tokens_are_told_for_a_million_and_ptus_for_an_hour():
    load_prices(shipped_prices())
    tokens, ptus = priced(), priced(sku="GlobalProvisionedManaged")
    found = list_prices([tokens, ptus], at=AT)
    assert (found[tokens].input_per_million, found[tokens].output_per_million) == (
        Decimal("2.5"), Decimal(10),
    )  # fmt: skip
    assert found[tokens].per_unit_hour is None
    assert found[ptus].per_unit_hour == 1


def test_what_has_no_row_is_not_known():
    load_prices(shipped_prices())
    other = priced(model="gpt-99")
    assert list_prices([other], at=AT) == {other: NO_PRICE}
    early = utc("2020-01-01 00:00")
    assert list_prices([priced()], at=early) == {priced(): NO_PRICE}


def test_of_a_deployment_that_is_only_expected_nothing_is_known(world):
    """Its first baseline is judged before there was a minute of use."""
    Deployment.objects.filter(pk=world.chat.pk).update(gone_at=NEVER_THERE)
    told = UsageHistory().usage_evidence(
        metered(Deployment.objects.select_related("account").get(pk=world.chat.pk)),
        service_id=world.assistant.pk,
        team_id=world.assistant.team_id,
        held=(),
        held_units=0,
        extra_units=40,
        past_bursts=(),
        at=AT,
    )
    assert (told.days_of_minutes, told.peak_tokens_per_minute) == (0, None)
    assert (told.usd_per_million_tokens, told.replayed_throttled_minutes_with) == (None, None)
