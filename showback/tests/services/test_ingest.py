"""Pulling use: noughts and gaps, late data, failures, and pulling again."""

from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel.windows import HOUR, MINUTE, Window
from showback.models import TouchedHour, UsageHour, UsageMinutes, UsagePull
from showback.services.usage_pull import pull_recent, pull_window
from showback.tests.factories import day, utc
from showback.tests.fakes import minutes_of as slots
from showback.tests.fakes import random_traffic

NOON = utc("2026-03-02 12:30")


def contents() -> list[tuple[object, ...]]:
    """All that is stored, minutes too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT h::text, m::text, h.ctid IS NULL FROM showback_usage_hour h "
            "LEFT JOIN showback_usage_minutes m USING (deployment_id, hour) ORDER BY 1"
        )
        return cursor.fetchall()


def hour_of(world, text="2026-03-02 11:00", name="chat"):
    return UsageHour.objects.get(deployment=getattr(world, name), hour=utc(text))


def minutes_of(world, text, name="chat"):
    return UsageMinutes.objects.get(deployment=getattr(world, name), hour=utc(text))


def test_an_hour_holds_the_sums_of_its_minutes(world):
    pull_recent(timedelta(hours=1), at=NOON)
    hour = hour_of(world)
    assert (hour.grain, hour.ok_requests, hour.throttled_requests) == ("minute", 600, 18)
    assert (hour.prompt_tokens, hour.generated_tokens) == (60_000, 12_000)
    assert hour.cached_tokens_estimated == 12_000
    assert (hour.peak_tokens_per_minute, hour.throttled_minutes) == (1_200, 6)
    assert (hour.utilisation_percent_sum, hour.utilisation_minutes) == (1_800, 60)
    assert (hour.minutes_received, hour.minutes_expected) == (60, 60)


def test_minutes_that_have_not_settled_are_gaps_and_not_expected(world):
    pull_recent(timedelta(hours=1), at=NOON)
    hour = hour_of(world, "2026-03-02 12:00")
    assert (hour.minutes_received, hour.minutes_expected) == (27, 27)
    stored = minutes_of(world, "2026-03-02 12:00")
    assert stored.ok == [10] * 27 + [None] * 33


def test_a_settled_minute_without_a_point_is_nought(world):
    pull_recent(timedelta(hours=1), at=NOON)
    assert minutes_of(world, "2026-03-02 11:00").throttled[1] == 0
    assert minutes_of(world, "2026-03-02 11:00").throttled[0] == 3


def test_a_deployment_that_no_metric_names_was_idle(world):
    world.metrics.silent = frozenset({"chat"})
    pull_recent(timedelta(hours=1), at=NOON)
    hour = hour_of(world)
    assert (hour.ok_requests, hour.minutes_received) == (0, 60)


def test_a_measure_that_failed_leaves_a_gap_and_never_a_nought(world):
    world.metrics.failing = frozenset({"prompt", "generated"})
    pulled = pull_recent(timedelta(hours=1), at=NOON)
    assert pulled.problems == ("A metric could not be read.",)
    hour = hour_of(world)
    assert (hour.minutes_received, hour.minutes_expected) == (0, 60)
    assert minutes_of(world, "2026-03-02 11:00").prompt is None
    assert hour.ok_requests == 600


def test_a_later_pull_with_gaps_keeps_the_minutes_that_were_there(world):
    pull_recent(timedelta(hours=1), at=NOON)
    before = contents()
    world.metrics.failing = frozenset({"ok", "throttled", "prompt", "generated"})
    pull_recent(timedelta(hours=1), at=NOON)
    assert contents() == before


def test_a_clock_that_was_set_back_takes_no_minute_away(world):
    pull_recent(timedelta(hours=1), at=NOON)
    before = contents()
    pull_recent(timedelta(hours=1), at=NOON - timedelta(minutes=20))
    assert contents() == before


def test_a_later_value_of_azure_wins(world):
    pull_recent(timedelta(hours=1), at=NOON)
    world.metrics.traffic = random_traffic(1)
    pull_recent(timedelta(hours=1), at=NOON)
    window = Window(utc("2026-03-02 11:00"), utc("2026-03-02 12:00"))
    assert hour_of(world).prompt_tokens == random_traffic(1)("chat", slots(window))["prompt"].sum()


def test_a_region_that_cannot_be_read_leaves_what_was_there_and_says_so(world):
    pull_recent(timedelta(hours=1), at=NOON)
    before = contents()
    world.metrics.down = True
    pulled = pull_recent(timedelta(hours=1), at=NOON + HOUR)
    assert pulled.problems == ("Azure did not answer in time.",)
    assert contents() == before
    mark = UsagePull.objects.get(hour=utc("2026-03-02 12:00"))
    assert (mark.state, mark.problem) == ("started", "Azure did not answer in time.")


def test_hours_never_replace_minutes(world):
    pull_window(Window(utc("2026-03-02 10:00"), utc("2026-03-02 11:00")), MINUTE, at=NOON)
    pull_window(Window(utc("2026-03-02 09:00"), utc("2026-03-02 11:00")), HOUR, at=NOON)
    grains = UsageHour.objects.filter(deployment=world.chat).values_list("grain", flat=True)
    assert list(grains) == ["hour", "minute"]
    by_hour = hour_of(world, "2026-03-02 09:00")
    assert (by_hour.prompt_tokens, by_hour.peak_tokens_per_minute) == (60_000, None)
    assert by_hour.throttled_minutes is None


def test_minutes_replace_an_hour(world):
    pull_window(Window(utc("2026-03-02 10:00"), utc("2026-03-02 11:00")), HOUR, at=NOON)
    pull_window(Window(utc("2026-03-02 10:00"), utc("2026-03-02 11:00")), MINUTE, at=NOON)
    assert hour_of(world, "2026-03-02 10:00").grain == "minute"


def test_an_unchanged_hour_is_not_even_written(world):
    assert pull_recent(timedelta(hours=1), at=NOON).rows_changed == 8
    TouchedHour.objects.all().delete()
    assert pull_recent(timedelta(hours=1), at=NOON).rows_changed == 0
    assert not TouchedHour.objects.exists()


def test_partitions_are_made_for_each_month(world):
    start = utc("2026-02-28 22:00")
    pull_window(Window(start, start + timedelta(hours=4)), MINUTE, at=NOON)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tableoid::regclass::text, count(*) FROM showback_usage_minutes GROUP BY 1"
        )
        counts = dict(cursor.fetchall())
    assert counts == {
        "showback_usage_minutes_2026_02": 8,
        "showback_usage_minutes_2026_03": 8,
    }


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first_hour=st.integers(0, 20),
    hours=st.integers(1, 24),
    grain=st.sampled_from([MINUTE, HOUR]),
    failing=st.sets(st.sampled_from(["ok", "prompt", "generated", "cache_percent"])),
)
def test_i22_reingesting_any_window_is_a_no_op(world, first_hour, hours, grain, failing):
    world.metrics.traffic = random_traffic(3)
    world.metrics.failing = frozenset()
    at = utc("2026-03-03 01:17")
    pull_window(day("2026-03-02"), MINUTE, at=at)
    before = contents()
    start = day("2026-03-02").start + first_hour * HOUR
    world.metrics.failing = frozenset(failing)
    pull_window(Window(start, min(start + hours * HOUR, day("2026-03-02").end)), grain, at=at)
    assert contents() == before


def test_stored_minutes_come_back_as_they_were_sent(world):
    world.metrics.traffic = random_traffic(5)
    pull_window(day("2026-03-02"), MINUTE, at=utc("2026-03-03 01:00"))
    sent = random_traffic(5)("digest", slots(day("2026-03-02")))
    rows = UsageMinutes.objects.filter(deployment=world.digest_deployment).order_by("hour")
    for measure, values in sent.items():
        stored = [value for row in rows for value in getattr(row, measure)]
        expected = [None if value == -1 else value for value in np.asarray(values).tolist()]
        assert stored == expected, measure


@pytest.mark.parametrize("name", ["chat", "ptu", "digest", "stray"])
def test_every_deployment_of_a_region_comes_with_one_call(world, name):
    pull_recent(timedelta(hours=1), at=NOON)
    assert len(world.metrics.calls) == 1
