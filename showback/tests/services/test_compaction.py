"""Compressed days: exact both ways, one form at a time, and no pull notices the difference."""

from datetime import date, timedelta

import numpy as np
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.kernel.windows import DAY, HOUR, MINUTE, Window
from showback.domain.measures import MEASURES, MISSING
from showback.models import UsageDayBlock, UsageHour, UsageMinutes
from showback.selectors.minutes import read_hours, read_minutes
from showback.services import compaction
from showback.services.compaction import compact, compact_day, days_to_compact, final_until
from showback.services.usage_pull import NIGHTLY, pull_recent, pull_window
from showback.tests.factories import day, utc
from showback.tests.fakes import random_traffic

FIRST, SECOND = date(2026, 3, 2), date(2026, 3, 3)
BOTH = Window(utc("2026-03-02 00:00"), utc("2026-03-04 00:00"))
LATER = utc("2026-03-06 01:17")


def ids(world) -> list[int]:
    return [world.chat.pk, world.ptu.pk, world.digest_deployment.pk, world.stray.pk]


def told(world) -> dict[str, object]:
    """All that is known of both days, whatever way it is stored."""
    sums = list(UsageHour.objects.order_by("deployment_id", "hour").values())
    hours = {key: values.tolist() for key, values in read_hours(ids(world), BOTH).items()}
    return {"sums": sums, "hours": hours}


def forms() -> set[tuple[int, date, str]]:
    """(deployment, day, form) of everything that is stored."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT deployment_id, (hour AT TIME ZONE 'UTC')::date, 'rows' "
            "FROM showback_usage_minutes UNION SELECT deployment_id, day, 'block' "
            "FROM showback_usage_day_block"
        )
        return set(cursor.fetchall())


def pull(world, window=BOTH, grain=MINUTE, *, failing=(), at=LATER) -> None:
    world.metrics.failing = frozenset(failing)
    pull_window(window, grain, at=at)


@pytest.fixture
def two_days(world):
    world.metrics.traffic = random_traffic(8)
    pull(world, failing={"cache_percent"})
    return world


def test_a_compacted_day_reads_exactly_as_before(two_days):
    before = told(two_days)
    assert compact(at=LATER) == [FIRST, SECOND]
    assert told(two_days) == before
    assert not UsageMinutes.objects.exists()
    assert UsageDayBlock.objects.count() == 2 * 4


def test_a_window_that_crosses_both_forms_is_read_as_one(two_days):
    window = Window(utc("2026-03-02 22:17"), utc("2026-03-03 01:05"))
    before = read_minutes(ids(two_days), window, MEASURES)
    compact_day(FIRST)
    after = read_minutes(ids(two_days), window, MEASURES)
    for deployment in ids(two_days):
        for name in MEASURES:
            assert (before[deployment][name] == after[deployment][name]).all()
    assert (after[two_days.chat.pk]["ok"] != MISSING).all()
    assert len(after[two_days.chat.pk]["ok"]) == 168


def test_minutes_of_two_months_and_none_before_them(two_days):
    compact(at=LATER)
    window = Window(utc("2026-02-27 00:00"), utc("2026-03-02 12:00"))
    ok = read_minutes([two_days.chat.pk], window, ["ok"])[two_days.chat.pk]["ok"]
    assert (ok[: 3 * 1440] == MISSING).all()
    assert (ok[3 * 1440 :] != MISSING).all()


def test_only_days_that_no_regular_pull_reaches_are_final():
    assert final_until(utc("2026-03-06 00:00")) == utc("2026-03-04 00:00")
    assert final_until(utc("2026-03-06 23:59")) == utc("2026-03-04 00:00")
    start = utc("2026-03-06 23:59") - NIGHTLY
    assert start >= final_until(utc("2026-03-06 23:59"))


def test_a_day_that_may_still_change_keeps_its_rows(two_days):
    assert compact(at=utc("2026-03-05 12:00")) == [FIRST]
    assert {(d, form) for _, d, form in forms()} == {(FIRST, "block"), (SECOND, "rows")}


def test_pulling_a_compacted_day_again_does_not_even_unpack_it(two_days):
    compact(at=LATER)
    pull(two_days, failing={"cache_percent"})
    assert {form for *_, form in forms()} == {"block"}


def test_a_value_that_came_late_unpacks_its_day_alone_and_is_packed_again(two_days):
    compact(at=LATER)
    hour = Window(utc("2026-03-02 10:00"), utc("2026-03-02 11:00"))
    pull(two_days, hour)  # the cache match rate comes now
    assert {(d, form) for _, d, form in forms()} == {(FIRST, "rows"), (SECOND, "block")}
    rate = read_minutes([two_days.chat.pk], day("2026-03-02"), ["cache_percent"])
    known = rate[two_days.chat.pk]["cache_percent"] != MISSING
    assert known[600:660].any()
    assert not known[:600].any()
    assert days_to_compact(LATER) == [FIRST]
    before = told(two_days)
    compact(at=LATER)
    assert told(two_days) == before


def test_gaps_are_filled_out_of_a_compacted_day(two_days):
    compact(at=LATER)
    before = told(two_days)
    pull(two_days, failing={"ok", "prompt", "cache_percent"})
    assert told(two_days) == before


def test_an_hour_that_is_missing_comes_back_as_missing_and_a_gap_as_a_gap(two_days):
    UsageMinutes.objects.filter(deployment=two_days.chat, hour=utc("2026-03-02 07:00")).delete()
    compact(at=LATER)
    hours = read_hours([two_days.chat.pk], day("2026-03-02"))
    assert len(hours) == 23
    assert (two_days.chat.pk, int(utc("2026-03-02 07:00").timestamp())) not in hours


def test_a_crash_between_rows_and_blocks_leaves_the_rows(two_days, monkeypatch):
    before = told(two_days)

    def crash(*_):
        raise RuntimeError("the machine lost its power")

    monkeypatch.setattr(compaction, "copy_rows", crash)
    with pytest.raises(RuntimeError):
        compact(at=LATER)
    assert {form for *_, form in forms()} == {"rows"}
    monkeypatch.undo()
    assert compact(at=LATER) == [FIRST, SECOND]
    assert told(two_days) == before


def test_a_run_that_is_out_of_time_goes_on_the_next_night(two_days):
    answers = iter([True, False])
    assert compact(at=LATER, goes_on=lambda: next(answers)) == [FIRST]
    assert compact(at=LATER) == [SECOND]


def test_days_are_read_with_two_statements_at_most(two_days, django_assert_max_num_queries):
    compact_day(FIRST)
    with django_assert_max_num_queries(2):
        read_minutes(ids(two_days), BOTH, ["ok", "prompt"])


WINDOWS = st.tuples(st.integers(0, 47), st.integers(1, 48)).map(
    lambda pair: Window(
        BOTH.start + pair[0] * HOUR, min(BOTH.start + (pair[0] + pair[1]) * HOUR, BOTH.end)
    )
)
PULLS = st.tuples(
    WINDOWS,
    st.sampled_from([MINUTE, MINUTE, HOUR]),
    st.sets(st.sampled_from(["ok", "prompt", "generated", "cache_percent"])),
    st.integers(0, 50),
)
STEPS = st.lists(st.one_of(PULLS, st.sampled_from([FIRST, SECOND])), max_size=8)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, seed=st.integers(0, 99))
def test_i22_any_order_of_pulls_and_compactions_tells_the_same(world, steps, seed):
    """Failures, hours before minutes, a clock that goes back: in the end all that Azure knew."""
    world.metrics.traffic = random_traffic(seed)
    for model in (UsageHour, UsageMinutes, UsageDayBlock):
        model.objects.all().delete()
    pull(world)
    clean = told(world)
    for model in (UsageHour, UsageMinutes, UsageDayBlock):
        model.objects.all().delete()
    for step in steps:
        if isinstance(step, date):
            compact_day(step)
        else:
            window, grain, failing, hours_ago = step
            pull(world, window, grain, failing=failing, at=LATER - hours_ago * HOUR)
        found = forms()
        assert len({(d, when) for d, when, _ in found}) == len(found), "in both forms"
    pull(world)
    assert told(world) == clean
    for moment in (FIRST, SECOND):
        compact_day(moment)
    assert told(world) == clean
    assert {form for *_, form in forms()} == {"block"}


def test_today_is_read_while_the_days_before_are_packed(world):
    world.metrics.traffic = random_traffic(2)
    pull(world, at=LATER)
    pull_recent(timedelta(hours=1), at=LATER)
    compact(at=LATER)
    window = Window(BOTH.start, utc("2026-03-06 01:00"))
    ok = read_minutes([world.chat.pk], window, ["ok"])[world.chat.pk]["ok"]
    known = np.flatnonzero(ok != MISSING)
    assert known[0] == 0
    assert known[-1] == int(window.length / MINUTE) - 1
    assert (ok[2880 : 4 * 1440] == MISSING).all()
    assert window.length > 3 * DAY
