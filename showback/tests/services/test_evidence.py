"""What a person who decides is told of the use of a deployment."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest
from django.db.models import Sum

from portal.kernel.windows import DAY, HOUR, MINUTE, Window
from quotas.gateway import evidence_source
from quotas.models import Deployment
from quotas.selectors.metering import held_spans, metered
from showback.evidence import UsageHistory
from showback.models import CostLine
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window
from showback.tests import factories as make
from showback.tests.factories import utc
from showback.tests.fakes import steady

AT = utc("2026-03-08 12:00")
START = utc("2026-03-01 00:00")
BURST = Window(utc("2026-03-05 10:00"), utc("2026-03-05 12:00"))


def of(deployment, tokens=10):
    """The deployment as it is stored, with another rate: tokens a minute of a unit."""
    stored = Deployment.objects.select_related("account").get(pk=deployment.pk)
    return replace(metered(stored), tokens_per_minute_per_unit=tokens)


def ask(world, deployment=None, tokens=10, **more):
    facts = {
        "service_id": world.assistant.pk,
        "team_id": world.assistant.team_id,
        "held_units": 100,
        "extra_units": 50,
        "past_bursts": (),
        "at": AT,
    }
    asked = of(deployment or world.chat, tokens)
    source = UsageHistory()
    held = held_spans(source.history(at=AT), deployment_ids=[asked.id])
    return source.usage_evidence(asked, held=held, **facts | more)


def busy_at_ten(name, minutes):
    """1,200 tokens a minute; between 10:00 and 10:30 twice that, and 5 of 25 requests refused."""
    values = steady(name, minutes)
    busy = (minutes % 1440 >= 600) & (minutes % 1440 < 630)
    return {
        **values,
        "ok": np.where(busy, 20, 10),
        "throttled": np.where(busy, 5, 0),
        "prompt": np.where(busy, 2000, 1000),
        "generated": np.where(busy, 400, 200),
    }


@pytest.fixture
def history(world):
    world.metrics.traffic = busy_at_ten
    pull_window(Window(START, AT), MINUTE, at=AT)
    fill_everything(at=AT)
    return world


def test_settings_name_this_class():
    assert isinstance(evidence_source.__wrapped__(), UsageHistory)


def test_without_history_nothing_is_known_and_nothing_is_nought(world):
    found = ask(world, past_bursts=((7, BURST, 50),))
    assert (found.days_of_minutes, found.completeness) == (0.0, None)
    assert found.p95_tokens_per_minute is None
    assert found.throttled_minutes_7_days is None
    assert found.replayed_throttled_minutes_now is None
    assert found.usd_per_million_tokens is None
    assert found.month_to_date_usd is None
    assert found.used_share_of_past_bursts == {7: None}


def test_percentiles_are_of_minutes_and_say_how_many_days_are_behind_them(history):
    found = ask(history)
    assert found.days_of_minutes == pytest.approx(7.5, abs=0.01)
    assert found.completeness == 1.0
    assert (found.p50_tokens_per_minute, found.p95_tokens_per_minute) == (1200, 1200)
    assert (found.p99_tokens_per_minute, found.peak_tokens_per_minute) == (2400, 2400)


def test_throttling_of_the_last_seven_days(history):
    found = ask(history)
    assert found.throttled_minutes_7_days == 7 * 30
    assert found.throttled_requests_7_days == 7 * 30 * 5


def test_the_replay_counts_what_429s_lost(history):
    """Busy minutes wanted 2,400 tokens served and half of 5 × 120 lost: nobody can tell how often
    the callers tried again, for these minutes do not wobble. 10 tokens a unit.
    """
    found = ask(history, held_units=269, extra_units=1)
    assert found.replayed_throttled_minutes_now == 7 * 30
    assert found.replayed_throttled_minutes_with == 0


def test_the_likely_cause_of_the_last_seven_days_is_told_with_its_confidence(history):
    """Level below both limits, and never higher: a lowered limit or max_tokens, nobody knows."""
    assert ask(history, tokens=100).likely_cause_7_days == "cannot tell"
    assert ask(history, tokens=24).likely_cause_7_days == ("tokens per minute, high confidence")


def test_the_replay_of_other_amounts_reads_nothing_again(history, django_assert_num_queries):
    found = ask(history)
    with django_assert_num_queries(0):
        again = found.of_units(269, 1)
    assert again.replayed_throttled_minutes_now == 7 * 30
    assert again.replayed_throttled_minutes_with == 0


def test_the_price_of_a_million_tokens_is_blended(history):
    """Per minute 800 × 2.50 + 200 × 1.25 + 200 × 10 of 1,200 tokens."""
    expected = Decimal("4250") / 1200
    assert ask(history).usd_per_million_tokens == pytest.approx(expected)


def test_month_to_date_is_of_the_whole_service(history):
    found = ask(history)
    minutes = 7.5 * 1440 - 3 + 8 * 30
    tokens = Decimal(minutes) * Decimal("0.00425")
    ptu = Decimal(40) * Decimal(str(7.5 * 24 - 0.05))
    assert found.month_to_date_usd == pytest.approx(tokens + ptu)


def unpriced_line(world, deployment):
    CostLine.objects.create(
        day=AT.date(), team=world.assistant.team, service=world.assistant, deployment=deployment,
        category="tokens", meter="output", quantity=1, unit="token", currency="USD",
        is_estimated=False, method="metered",
    )  # fmt: skip


def test_what_is_unpriced_is_not_known_of_the_team_nor_of_a_token(history):
    lines = CostLine.objects.filter(team=history.assistant.team, day__gte=START.date())
    before = ask(history)
    assert before.team_month_to_date_usd == lines.aggregate(spent=Sum("amount"))["spent"]
    unpriced_line(history, history.ptu)
    elsewhere = ask(history)
    assert elsewhere.team_month_to_date_usd is None
    assert elsewhere.usd_per_million_tokens == before.usd_per_million_tokens
    unpriced_line(history, history.chat)
    assert ask(history).usd_per_million_tokens is None
    assert ask(history).month_to_date_usd == before.month_to_date_usd


def test_a_past_burst_tells_which_share_of_it_was_used(history):
    """10 tokens a unit: 2,400 − 100 × 10 = 1,400 of the 200 × 10 extra."""
    make.hold(history.chat, history.assistant, 200, start=BURST.start, end=BURST.end, kind="burst")
    found = ask(history, past_bursts=((7, BURST, 200),))
    assert found.used_share_of_past_bursts[7] == pytest.approx(0.7)


def test_provisioned_capacity_is_weighed_and_has_a_price_by_the_hour(history):
    """Weighted tokens would fit into 2 PTUs; but 40 were held when 20 of 22 requests were served,
    so 44 are needed.
    """
    found = ask(history, history.ptu, None, held_units=43, extra_units=1)
    assert found.usd_per_unit_hour == Decimal(1)
    assert found.usd_per_million_tokens is None
    assert found.replayed_throttled_minutes_now == 7 * 30
    assert found.replayed_throttled_minutes_with == 0


def test_gaps_lower_completeness_and_not_the_percentiles(world):
    pull_window(Window(START, START + timedelta(hours=12)), MINUTE, at=AT)
    pull_window(Window(AT - 12 * HOUR, AT), MINUTE, at=AT)
    found = ask(world)
    assert found.completeness == pytest.approx(24 / 180, rel=0.01)
    assert found.p50_tokens_per_minute == 1200


def spilling(name, minutes):
    """What ptu refuses at ten, 5 requests a minute, chat serves; but for 2 of them from 10:20."""
    values = busy_at_ten(name, minutes)
    served = values["throttled"] - np.where(minutes % 1440 >= 620, 2, 0)
    values["spilled"] = np.maximum(served, 0) if name == "chat" else np.zeros_like(served)
    return values


def test_refusals_that_the_spill_over_target_served_were_refused_to_nobody(world):
    Deployment.objects.filter(pk=world.ptu.pk).update(spillover_deployment_name="Chat")
    world.metrics.traffic = spilling
    pull_window(Window(AT - 3 * DAY, AT), MINUTE, at=AT)
    found = ask(world, world.ptu, None)
    assert found.throttled_minutes_7_days == 3 * 10
    assert found.throttled_requests_7_days == 3 * 10 * 2
    chat = ask(world)
    assert chat.throttled_minutes_7_days == 3 * 30


def report(world, deployment, spans, *, window=BURST, tokens=10):
    return UsageHistory().burst_use(of(deployment, tokens), window=window, spans=spans)


def test_the_report_on_a_burst_counts_what_it_added_saved_and_cost(history):
    """10 tokens a unit, 100 units without it. Of its 2,000 a minute 30 minutes use 1,400 and 90 use
    200. The 30 were refused all the same; the 90 need 120 units and had 300.
    """
    make.hold(history.chat, history.assistant, 200, start=BURST.start, end=BURST.end, kind="burst")
    found = report(history, history.chat, ((BURST, 200),))
    assert (found.minutes, found.minutes_received, found.minutes_judged) == (120, 120, 120)
    assert found.peak_share == pytest.approx(0.7)
    assert found.mean_share == pytest.approx(0.25)
    assert (found.peak_tokens_per_minute, found.mean_tokens_per_minute) == (2400, 1500)
    assert (found.throttled_with, found.throttled_without) == (30, 120)
    assert found.cost == pytest.approx(Decimal(60_000) * Decimal(4250) / 1200 / 1_000_000)
    assert found.cost_is_estimated


def test_what_was_given_back_early_is_not_counted_as_unused(history):
    """From 10:30 on 150 of the 200 are gone: 50 are left, of which 20 are used."""
    make.hold(history.chat, history.assistant, 200, start=BURST.start, end=BURST.end, kind="burst")
    since = BURST.start + 30 * MINUTE
    spans = ((BURST, 200), (Window(since, BURST.end), -150))
    found = report(history, history.chat, spans)
    assert found.peak_share == pytest.approx(0.7)
    assert found.mean_share == pytest.approx((30 * 1400) / (30 * 2000 + 90 * 500))


def test_a_provisioned_burst_costs_its_unit_hours_exactly(history):
    make.hold(history.ptu, history.assistant, 10, start=BURST.start, end=BURST.end, kind="burst")
    half = Window(BURST.start + HOUR, BURST.end)
    found = report(history, history.ptu, ((BURST, 10), (half, -4)), tokens=None)
    assert (found.cost, found.cost_is_estimated) == (Decimal(16), False)


def test_of_a_burst_without_minutes_nothing_is_known_and_nothing_is_nought(world):
    found = report(world, world.chat, ((BURST, 50),))
    assert (found.minutes, found.minutes_received, found.minutes_judged) == (120, 0, 0)
    assert (found.peak_share, found.mean_share) == (None, None)
    assert (found.throttled_with, found.throttled_without) == (None, None)
    assert (found.peak_tokens_per_minute, found.cost) == (None, None)


def test_without_a_stated_rate_only_refusals_could_be_told_and_they_are_not_compared(history):
    found = report(history, history.chat, ((BURST, 50),), tokens=None)
    assert (found.peak_share, found.throttled_without, found.minutes_judged) == (None, None, 0)
    assert found.peak_tokens_per_minute == 2400
