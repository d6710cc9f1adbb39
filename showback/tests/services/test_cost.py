"""Cost lines: recomputed by other means, and what must hold of them whatever the input."""

from collections import Counter
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel.money import split_to_cents, to_cents
from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.models import Deployment
from showback.models import CostLine, PriceRow, ServiceDay, ServiceHour, TouchedHour, UsageHour
from showback.services.prices import load_prices
from showback.services.rollup import days_to_fill, fill_everything
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.conftest import PRICES
from showback.tests.factories import day, utc
from showback.tests.fakes import minutes_of, random_traffic

DAY = "2026-03-02"
NEXT_MORNING = utc("2026-03-03 06:00")
MILLION = Decimal(1_000_000)
FAST = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def spend_a_day(world, *, seed: int | None = None, text: str = DAY) -> None:
    if seed is not None:
        world.metrics.traffic = random_traffic(seed)
    at = day(text).end + 6 * HOUR
    pull_window(day(text), MINUTE, at=at)
    # Examples of one test follow each other in one database and rewrite a past day's holdings.
    TouchedHour.objects.create(hour=day(text).start)
    fill_everything(at=at)


def lines(**wanted):
    return CostLine.objects.filter(day=date.fromisoformat(DAY), **wanted)


def amount(**wanted) -> Decimal:
    return sum((line.amount for line in lines(**wanted)), Decimal(0))


def test_tokens_cost_input_cached_input_and_output(world):
    """gpt-4o: 2.50, 1.25 and 10 USD a million. 1,440 minutes of 1,000 in (20 % cached), 200 out."""
    spend_a_day(world)
    found = {line.meter: line for line in lines(deployment=world.chat)}
    assert found["input"].quantity == 1_152_000
    assert found["cached_input"].quantity == 288_000
    assert found["output"].quantity == 288_000
    assert found["input"].amount == Decimal("2.88")
    assert found["cached_input"].amount == Decimal("0.36")
    assert found["output"].amount == Decimal("2.88")
    assert {m: line.is_estimated for m, line in found.items()} == {
        "input": True,
        "cached_input": True,
        "output": False,
    }
    assert found["input"].price.price == Decimal("2.5")
    assert (found["input"].team, found["input"].service) == (world.atlas, world.assistant)


def test_provisioned_capacity_costs_hours_used_and_idle_and_no_tokens(world):
    """50 PTUs deployed for a day, 40 held. Used: (800 + 4 × 200) ÷ 2,500 = 0.64 PTU all day."""
    spend_a_day(world)
    found = {line.category: line for line in lines(deployment=world.ptu)}
    assert set(found) == {"ptu_used", "ptu_idle", "unallocated"}
    assert found["ptu_used"].quantity == Decimal("15.36")
    assert found["ptu_used"].quantity + found["ptu_idle"].quantity == 40 * 24
    assert found["unallocated"].quantity == 10 * 24
    assert found["unallocated"].service is None
    assert {line.amount for line in found.values()} == {
        line.quantity * 1 for line in found.values()
    }


def test_traffic_of_a_deployment_that_nobody_mapped_is_unattributed(world):
    spend_a_day(world)
    assert {(line.team, line.service) for line in lines(deployment=world.stray)} == {(None, None)}
    assert amount(deployment=world.stray) == amount(deployment=world.chat)


def test_a_missing_price_leaves_an_unpriced_line_and_never_nought(world):
    Deployment.objects.filter(pk=world.chat.pk).update(model_name="gpt-99")
    spend_a_day(world)
    found = lines(deployment=world.chat)
    assert {line.meter for line in found} == {"input", "output"}
    assert {(line.price, line.amount) for line in found} == {(None, None)}


def test_a_price_that_is_loaded_later_prices_the_days_since_its_start(world):
    PriceRow.objects.filter(model_name="gpt-4o").delete()
    spend_a_day(world)
    assert lines(deployment=world.chat, price__isnull=True).exists()
    load_prices(PRICES)
    fill_everything(at=NEXT_MORNING)
    assert amount(deployment=world.chat) == Decimal("6.12")


def test_a_cached_price_that_is_missing_leaves_all_input_at_the_input_price(world):
    PriceRow.objects.filter(model_name="gpt-4o", meter="cached_input").delete()
    spend_a_day(world)
    found = {line.meter: line for line in lines(deployment=world.chat)}
    assert set(found) == {"input", "output"}
    assert found["input"].quantity == 1_440_000
    assert not found["input"].is_estimated


def test_a_price_that_changes_at_noon_makes_two_lines(world):
    old = PriceRow.objects.get(
        model_name="gpt-4o",
        sku_name="GlobalStandard",
        model_version="",
        region_scope="",
        meter="output",
    )
    noon = utc(f"{DAY} 12:00")
    PriceRow.objects.filter(pk=old.pk).update(effective_until=noon)
    new = PriceRow.objects.get(pk=old.pk)
    new.pk, new.price, new.effective_from, new.effective_until = None, 20, noon, old.effective_until
    new.save()
    spend_a_day(world)
    found = {line.price_id: line for line in lines(deployment=world.chat, meter="output")}
    assert found[old.pk].quantity == found[new.pk].quantity == 144_000
    assert found[new.pk].amount == 2 * found[old.pk].amount


def test_filling_a_day_again_gives_the_same_lines(world):
    spend_a_day(world, seed=4)
    before = Counter(lines().values_list("deployment", "service", "category", "meter", "amount"))
    fill_everything(at=NEXT_MORNING)
    CostLine.objects.filter(day=date.fromisoformat(DAY)).first()
    TouchedHour.objects.create(hour=utc(f"{DAY} 05:00"))
    assert date.fromisoformat(DAY) in fill_everything(at=NEXT_MORNING)
    after = Counter(lines().values_list("deployment", "service", "category", "meter", "amount"))
    assert before == after
    assert not TouchedHour.objects.exists()


def test_a_mapping_made_later_gives_its_history_to_the_service(world):
    spend_a_day(world)
    Deployment.objects.filter(pk=world.stray.pk).update(service=world.digest)
    fill_everything(at=NEXT_MORNING)
    assert {line.service for line in lines(deployment=world.stray)} == {world.digest}
    methods = ServiceHour.objects.filter(deployment=world.stray, hour__lt=day(DAY).end)
    assert set(methods.values_list("method", flat=True)) == {"mapping"}


def test_a_deployment_handed_over_leaves_its_past_with_its_holder(world):
    spend_a_day(world)
    before = amount(team=world.atlas)
    old = world.chat.entries.get()
    make.hold(world.chat, world.assistant, -100, start=NEXT_MORNING, kind="reversal", reverses=old)
    make.hold(world.chat, world.digest, 100, start=NEXT_MORNING)
    Deployment.objects.filter(pk=world.chat.pk).update(service=world.digest)
    fill_everything(at=NEXT_MORNING + HOUR)
    assert amount(team=world.atlas) == before


def test_a_burst_that_azure_refused_is_not_charged(world):
    """100 more are held, but 50 PTUs are what Azure has: its holder pays for these."""
    make.hold(world.ptu, world.assistant, 100, kind="burst")
    spend_a_day(world)
    charged = lines(deployment=world.ptu)
    assert sum(line.quantity for line in charged) == 50 * 24
    assert {line.service for line in charged} == {world.assistant}


def test_hours_before_anybody_looked_are_charged_as_held(world):
    Deployment.objects.filter(pk=world.ptu.pk).update(observed_at=utc(f"{DAY} 12:00"))
    spend_a_day(world)
    assert sum(line.quantity for line in lines(deployment=world.ptu)) == 40 * 12 + 50 * 12


def test_today_goes_on_although_no_use_comes(world):
    world.metrics.down = True
    fill_everything(at=utc(f"{DAY} 10:03"))
    assert sum(line.quantity for line in lines(deployment=world.ptu)) == 50 * 10
    assert set(lines(deployment=world.ptu, service=world.assistant).values_list("method")) == {
        ("not_measured",)
    }
    row = ServiceDay.objects.get(day=date.fromisoformat(DAY), deployment=world.chat)
    assert (row.minutes_received, row.minutes_expected) == (0, 600)


def test_days_missed_while_the_portal_was_off_are_filled(world):
    fill_everything(at=utc("2026-03-02 10:00"))
    fill_everything(at=utc("2026-03-05 10:00"))
    days = CostLine.objects.filter(deployment=world.ptu).values_list("day", flat=True)
    assert len(set(days)) == 4
    assert date(2026, 3, 2) in days_to_fill(utc("2026-03-03 01:00"))


@FAST
@given(seed=st.integers(0, 10_000))
def test_token_cost_equals_a_sum_by_other_means(world, seed):
    """From the fake's own minutes and the three prices, without any of our arithmetic."""
    spend_a_day(world, seed=seed)
    sent = random_traffic(seed)("chat", minutes_of(day(DAY)))
    expected, cached_tokens = Decimal(0), 0
    for hour in range(24):
        part = slice(hour * 60, hour * 60 + 60)
        rate = [max(0, int(p)) for p in sent["cache_percent"][part]]
        prompt = [int(tokens) for tokens in sent["prompt"][part]]
        cached = sum(t * p for t, p in zip(prompt, rate, strict=True)) // 100
        cached_tokens += cached
        expected += (sum(prompt) - cached) * Decimal("2.5") + cached * Decimal("1.25")
    expected += int(sent["generated"].sum()) * Decimal(10)
    assert amount(deployment=world.chat) == expected / MILLION
    quantity = lines(deployment=world.chat, meter="cached_input").values_list("quantity", flat=True)
    assert sum(quantity) == cached_tokens


HOURS = st.integers(0, 24).map(lambda hours: day(DAY).start + timedelta(hours=hours))
HOLDINGS = st.lists(
    st.tuples(
        st.sampled_from(["assistant", "digest", None]), st.integers(1, 90), HOURS, HOURS
    ).filter(lambda holding: holding[2] < holding[3]),
    max_size=6,
)


def hold_all(world, name: str, holdings: list[tuple[str | None, int, datetime, datetime]]) -> None:
    for service, units, start, end in holdings:
        of = getattr(world, service) if service else None
        make.hold(getattr(world, name), of, units, start=start, end=end)


@FAST
@given(seed=st.integers(0, 10_000), chat=HOLDINGS, stray=HOLDINGS)
def test_i21_teams_platform_and_unattributed_sum_to_the_source_cost_to_the_cent(
    world, seed, chat, stray
):
    hold_all(world, "chat", chat)
    hold_all(world, "stray", stray)
    spend_a_day(world, seed=seed)
    hours = UsageHour.objects.filter(hour__gte=day(DAY).start, hour__lt=day(DAY).end)
    for name in ("chat", "stray", "digest_deployment"):
        source = Decimal(0)
        for hour in hours.filter(deployment=getattr(world, name)):
            source += Decimal("2.5") * (hour.prompt_tokens - hour.cached_tokens_estimated)
            source += Decimal("1.25") * hour.cached_tokens_estimated
            source += Decimal(10) * hour.generated_tokens
        parts = [line.amount for line in lines(deployment=getattr(world, name))]
        assert sum(parts) == source / MILLION
        assert sum(split_to_cents(parts)) == to_cents(source / MILLION)


@FAST
@given(
    seed=st.integers(0, 10_000),
    held=HOLDINGS,
    sizes=st.dictionaries(st.integers(1, 1439), st.integers(0, 300), max_size=4),
)
def test_i25_ptu_hours_charged_equal_ptu_hours_deployed(world, seed, held, sizes):
    """Whatever is held, and however often the size is edited in the middle of an hour."""
    from showback.models import CapacitySeen

    hold_all(world, "ptu", held)
    CapacitySeen.objects.filter(deployment=world.ptu).delete()
    start, units, deployed = day(DAY).start, 50, 0
    CapacitySeen.objects.create(deployment=world.ptu, seen_at=start, units=units)
    moments = sorted(sizes)
    for minute, following in zip([0, *moments], [*moments, 1440], strict=True):
        if minute:
            units = sizes[minute]
            at = start + minute * MINUTE
            CapacitySeen.objects.create(deployment=world.ptu, seen_at=at, units=units)
        deployed += units * (following - minute)
    spend_a_day(world, seed=seed)
    charged = lines(deployment=world.ptu)
    assert {line.meter for line in charged} <= {"ptu_hour"}
    quantity = sum((line.quantity for line in charged), Decimal(0))
    assert abs(quantity - Decimal(deployed) / 60) <= Decimal("0.000001")


@pytest.mark.parametrize("zone", ["Asia/Kolkata", "America/New_York", "Europe/Berlin"])
def test_days_of_any_zone_tile_the_hours(world, settings, zone):
    settings.HEADROOM_FINANCE_TIME_ZONE = zone
    window = Window(utc("2026-03-27 00:00"), utc("2026-03-31 00:00"))
    at = window.end + 6 * HOUR
    pull_window(window, MINUTE, at=at)
    fill_everything(at=at)
    use = ServiceDay.objects.filter(deployment=world.chat)
    source = UsageHour.objects.filter(deployment=world.chat)
    assert sum(row.prompt_tokens for row in use) == sum(row.prompt_tokens for row in source)
    ptu = CostLine.objects.filter(deployment=world.ptu)
    hours = {row.day: Decimal(0) for row in ptu}
    for row in ptu:
        hours[row.day] += row.quantity
    berlin_changes_clocks = zone == "Europe/Berlin"
    assert hours[date(2026, 3, 29)] == 50 * (23 if berlin_changes_clocks else 24)
