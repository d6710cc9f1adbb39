"""What stands behind a number: metrics, attribution, and estimates with their method."""

import pytest

from portal.kernel.windows import HOUR, MINUTE, Window
from showback.models import Attribution, MetricFamily, UsageHour
from showback.selectors.grounds import BY_ACTIVE, BY_RATE, BY_REQUESTS, grounds_of
from showback.selectors.methods import MethodShare
from showback.services.usage_pull import pull_window
from showback.tests.factories import AT, utc

HOUR_START = utc("2026-03-02 06:00")
WINDOW = Window(HOUR_START, HOUR_START + 2 * HOUR)
HELD = [MethodShare(Attribution.HOLDER, 100, 1.0)]


@pytest.fixture
def read(world):
    pull_window(WINDOW, MINUTE, at=AT)
    return world


def hours(of):
    return UsageHour.objects.filter(deployment_id=of.pk, hour__gte=HOUR_START)


def test_metrics_and_attribution_are_named_and_cached_tokens_are_about(read):
    hours(read.chat).update(metric_family=MetricFamily.OLDER)
    found = grounds_of([read.chat.pk], WINDOW, HELD)
    assert found.summary == "Azure OpenAI metrics; held by one service in that hour"
    [cached] = found.estimates  # 1,000 prompt tokens a minute at 20 %, two hours
    assert (cached.name, str(cached.amount), cached.method) == ("Cached input", "≈ 24k", BY_RATE)
    assert ("Cached input", f"≈ 24k tokens: {BY_RATE}") in found.facts


def test_both_families_of_metrics_are_named_where_both_counted(read):
    first, second = hours(read.chat)
    hours(read.chat).filter(hour=first.hour).update(metric_family=MetricFamily.OLDER)
    hours(read.chat).filter(hour=second.hour).update(metric_family=MetricFamily.NEWER)
    found = grounds_of([read.chat.pk], WINDOW, HELD)
    assert found.family == "Azure OpenAI metrics, else Models metrics"


def test_spilled_and_priority_tokens_are_shares_of_the_answered_requests(read):
    # 600 ok and 600 spilled requests an hour; 60,000 + 12,000 tokens.
    hours(read.chat).update(spilled_requests=600, priority_requests=300)
    found = {each.name: each for each in grounds_of([read.chat.pk], WINDOW, HELD).estimates}
    spilled = found["Spilled over from provisioned deployments"]
    assert (str(spilled.amount), spilled.method) == ("≈ 72k", BY_REQUESTS)
    assert str(found["Served in tier priority"].amount) == "≈ 36k"


def test_active_tokens_are_named_where_they_tell_what_was_cached(read):
    hours(read.chat).filter(hour=HOUR_START).update(active_tokens=1)
    [cached] = grounds_of([read.chat.pk], WINDOW, HELD).estimates
    assert cached.method == f"{BY_ACTIVE}, else {BY_RATE}"
    hours(read.chat).update(active_tokens=1)
    [cached] = grounds_of([read.chat.pk], WINDOW, HELD).estimates
    assert cached.method == BY_ACTIVE


def test_an_hour_without_an_answered_request_estimates_nothing(read):
    hours(read.chat).update(ok_requests=0, spilled_requests=0, cached_tokens_estimated=0)
    assert grounds_of([read.chat.pk], WINDOW, HELD).estimates == []


def test_nothing_read_says_nothing(world):
    found = grounds_of([world.chat.pk], WINDOW, [])
    assert (found.summary, found.facts) == ("", [])


def test_the_gateway_says_if_its_logs_or_files_counted(shared, client, monkeypatch):
    monkeypatch.setattr("showback.views.sharing.now", lambda: AT)
    counted = [MethodShare(Attribution.GATEWAY, 100, 1.0)]
    found = grounds_of([shared.chat.pk], WINDOW, counted)
    assert found.methods == ["Counted by the gateway, caller by caller, from its logs"]
    client.force_login(shared.cleo)
    assert "How this is known: " in client.get(shared.page).content.decode()


def test_the_pages_of_a_service_and_of_its_day_name_their_methods(read, client, monkeypatch):
    monkeypatch.setattr("portal.views.service.now", lambda: AT)
    client.force_login(read.ada)
    page = client.get("/services/assistant/?period=7d").content.decode()
    assert "How this is known: " in page
    assert "prompt tokens × Azure’s cache match rate" in page
