"""What the service page and the home page are given: use, held bands, 429s, cost, and for whom."""

from datetime import timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from portal.kernel import formatting
from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.models import Deployment
from quotas.selectors.service_capacity import service_capacity
from showback.domain.measures import MISSING
from showback.models import ServiceDay, UsageHour
from showback.selectors.data_age import data_until
from showback.selectors.service_cards import service_cards
from showback.selectors.service_costs import service_costs
from showback.selectors.service_use import in_whole_steps, service_use
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_recent, pull_window
from showback.tests import factories as make
from showback.tests.factories import utc
from showback.tests.fakes import steady

AT = utc("2026-03-03 06:30")
LAST_DAY = Window(AT - 24 * HOUR, AT)


@pytest.fixture
def spent(world):
    pull_window(Window(utc("2026-03-01 00:00"), AT), MINUTE, at=AT)
    fill_everything(at=AT)
    return world


def use_of(service, window, *, at):
    return service_use(service_capacity(service.pk, in_whole_steps(window), at=at))


def chat_of(found):
    return next(use for use in found.deployments if use.label == "acme/chat")


def test_up_to_two_days_come_by_the_minute(spent):
    found = use_of(spent.assistant, Window(AT - 48 * HOUR, AT), at=AT)
    assert (found.step, len(chat_of(found).used)) == (MINUTE, 48 * 60)
    assert chat_of(found).used[:-3].tolist() == [1200] * (48 * 60 - 3)
    assert chat_of(found).used[-3:].tolist() == [MISSING] * 3
    assert chat_of(found).throttled[0] == 3


def test_longer_windows_come_by_the_hour_as_peak_minutes(spent):
    found = use_of(spent.assistant, Window(AT - timedelta(days=3), AT), at=AT)
    assert (found.step, found.window.end) == (HOUR, utc("2026-03-03 07:00"))
    used = chat_of(found).used
    assert used[-1] == used[-10] == 1200
    assert used[0] == MISSING  # 28 February was never pulled


def test_bands_show_the_baseline_and_the_burst_above_it(spent):
    start, end = utc("2026-03-03 02:00"), utc("2026-03-03 04:00")
    make.hold(spent.chat, spent.assistant, 50, start=start, end=end, kind="burst")
    use = chat_of(use_of(spent.assistant, LAST_DAY, at=AT))
    slot = int((start - LAST_DAY.start) / MINUTE)
    assert use.held.tolist()[slot - 1 : slot + 1] == [100_000, 150_000]
    assert use.burst_units.tolist()[slot + 119 : slot + 121] == [50, 0]
    spec = use.chart(ZoneInfo("Europe/Berlin")).spec
    assert spec["held"][1] == [int(start.timestamp() * 1000), 100_000, 50_000]
    assert spec["used"][-1] is None


def test_provisioned_use_is_weighed_like_its_capacity(spent):
    found = use_of(spent.assistant, LAST_DAY, at=AT)
    ptu = next(use for use in found.deployments if use.label == "acme/ptu")
    assert (ptu.unit, ptu.used[0]) == ("weighted TPM", 800 + 4 * 200)
    assert ptu.held[0] == 40 * 2500


def test_the_answer_line_has_its_figures(spent):
    make.hold(spent.chat, spent.assistant, 20, start=AT - HOUR, end=AT + 2 * HOUR, kind="burst")
    figures = use_of(spent.assistant, LAST_DAY, at=AT).figures
    assert (figures.now, figures.newest_minute) == (2800, utc("2026-03-03 06:26"))
    assert figures.held == 100_000 + 40 * 2500 + 20_000
    assert (figures.peak, figures.p95) == (2800, 2800)
    assert figures.peak_of_held == pytest.approx(2800 / 200_000)
    assert figures.throttled_minutes == 144
    assert figures.received.share == 1


def test_without_data_figures_are_not_known_rather_than_nought(world):
    figures = use_of(world.assistant, LAST_DAY, at=AT).figures
    assert (figures.now, figures.peak, figures.throttled_minutes) == (None, None, None)
    assert figures.received.share == 0
    assert service_costs(world.assistant.pk, at=AT).month.amount is None


def test_old_minutes_are_not_now(spent):
    later = AT + HOUR
    window = Window(later - 24 * HOUR, later)
    figures = use_of(spent.assistant, window, at=later).figures
    assert figures.now is None
    assert figures.newest_minute == utc("2026-03-03 06:26")
    assert data_until(later) == utc("2026-03-03 06:27")


def test_cost_of_a_service_by_day(spent):
    chart = service_costs(spent.assistant.pk, at=AT).chart
    assert chart.spec["days"] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert [category["name"] for category in chart.spec["categories"]] == [
        "Tokens",
        "Provisioned, used",
        "Provisioned, idle",
    ]
    cost = service_costs(spent.assistant.pk, at=AT).month
    shown = sum(v for category in chart.spec["categories"] for v in category["values"])
    assert float(cost.amount) == pytest.approx(shown)


def test_dan_of_another_team_gets_no_card(spent):
    assert [card.service.name for card in service_cards(spent.dan, at=AT)] == ["Digest"]
    assert service_cards(spent.dan, at=AT, service_ids=[spent.assistant.pk]) == []


def test_a_card_sums_a_service_up(spent):
    card = service_cards(spent.ada, at=AT)[0]
    assert (card.now, card.held) == (2800, 200_000)
    assert card.peak_24_hours == 1200
    assert card.throttled_minutes_today == 2 * 39
    assert card.hourly_peaks == [1200] * 24
    assert card.received_today.share == 1
    month = service_costs(spent.assistant.pk, at=AT).month
    assert card.month_to_date == month.amount
    assert card.month_to_date > Decimal(0)
    assert card.sparkline.limit_y == ""


def test_cards_of_many_services_take_as_many_queries_as_of_one(
    spent, django_assert_max_num_queries
):
    for number in range(10):
        extra = make.service(f"Extra {number}", spent.atlas)
        make.hold(make.deployment(f"extra-{number}", extra), extra, 10)
    with django_assert_max_num_queries(6):  # one of them reads the roles
        assert len(service_cards(spent.fay, at=AT)) == 12


def test_a_shared_deployment_says_that_its_use_is_of_all(spent):
    make.hold(spent.chat, spent.digest, 20)
    use = chat_of(use_of(spent.digest, LAST_DAY, at=AT))
    assert use.is_shared
    assert "Several services share it" in use.chart(ZoneInfo("UTC")).summary


def test_the_newest_hour_comes_with_the_next_pull(world):
    pull_recent(HOUR, at=AT)
    found = use_of(world.assistant, Window(AT - HOUR, AT), at=AT)
    assert found.figures.received.share == 1


def test_a_card_says_how_much_of_its_day_and_month_is_missing(world):
    pull_window(Window(utc("2026-03-03 03:00"), AT), MINUTE, at=AT)  # nothing since midnight
    fill_everything(at=AT)
    [card] = service_cards(world.dan, at=AT)
    assert card.received_today.missing == 3 * 60
    assert card.received_this_month.missing >= card.received_today.missing
    assert card.received_24_hours.is_incomplete
    assert str(card.received_24_hours.at_least(formatting.tpm(1200))) == "≥\u202f1.2k TPM"


def served_by_chat(name, minutes):
    """All that ptu refuses is served by chat, which refuses as many calls of its own."""
    values = steady(name, minutes)
    return values | {"spilled": values["throttled"]} if name == "chat" else values


@pytest.fixture
def spilled(world):
    Deployment.objects.filter(pk=world.ptu.pk).update(spillover_deployment_name="CHAT")
    world.metrics.traffic = served_by_chat
    pull_window(Window(utc("2026-02-28 00:00"), AT), MINUTE, at=AT)
    fill_everything(at=AT)
    return world


@pytest.mark.parametrize("length", [24 * HOUR, timedelta(days=3)])
def test_what_spill_over_served_is_no_refusal_on_the_page_of_a_service(spilled, length):
    found = use_of(spilled.assistant, Window(AT - length, AT), at=AT)
    by_label = {use.label: use for use in found.deployments}
    tenths = int((spilled_until() - (AT - length)) / MINUTE) // 10
    assert by_label["acme/ptu"].refused_minutes == 0
    assert by_label["acme/chat"].refused_minutes == pytest.approx(tenths, abs=6)
    assert not by_label["acme/ptu"].throttled[by_label["acme/ptu"].throttled != MISSING].any()
    figures = found.figures
    assert figures.throttled_minutes == by_label["acme/chat"].refused_minutes
    assert figures.throttled_requests == 3 * figures.throttled_minutes


def spilled_until():
    return utc("2026-03-03 06:27")


def test_days_count_the_refusals_that_callers_met(spilled):
    [card] = service_cards(spilled.ada, at=AT)
    assert card.throttled_minutes_today == 39  # chat's own; of ptu's nobody met one
    days = ServiceDay.objects.filter(day="2026-03-02", service=spilled.assistant)
    assert {row.deployment_id: row.throttled_requests for row in days} == {
        spilled.chat.pk: 144 * 3,
        spilled.ptu.pk: 0,
    }
    assert UsageHour.objects.filter(deployment_id=spilled.ptu.pk, throttled_requests=18).exists()


def test_refusals_known_by_the_hour_alone_are_as_azure_counted_them(world):
    Deployment.objects.filter(pk=world.ptu.pk).update(spillover_deployment_name="chat")
    world.metrics.traffic = served_by_chat
    pull_window(Window(utc("2026-03-02 00:00"), utc("2026-03-03 00:00")), HOUR, at=AT)
    fill_everything(at=AT)
    day = ServiceDay.objects.get(day="2026-03-02", deployment=world.ptu)
    assert (day.throttled_requests, day.throttled_minutes) == (144 * 3, None)
