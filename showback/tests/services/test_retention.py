"""What is older than the settings keep goes by the month, and nothing that is still needed."""

from datetime import date, timedelta

import pytest
from django.db import OperationalError

from portal.environment import Environment, SettingMissing
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.models import (
    BackfillSlice,
    CostLine,
    Kept,
    ServiceDay,
    ServiceHour,
    TouchedHour,
    UsageHour,
    UsagePull,
)
from showback.selectors.kept import kept_since, older_than_kept
from showback.selectors.minutes import read_hours
from showback.services import retention
from showback.services.backfill import plan_backfill
from showback.services.compaction import compact
from showback.services.day_fill import fill_day
from showback.services.partitions import BLOCKS, HOURS, MINUTES, partitions_of
from showback.services.retention import tidy
from showback.services.rollup import fill_everything
from showback.services.usage_pull import pull_window
from showback.tests.factories import utc

AT = utc("2026-07-15 03:00")
MAY = utc("2026-05-31 22:00")  # the last two hours of May, and two of June


@pytest.fixture
def used(world, settings):
    """Four hours around the end of May 2025 and 2026; minutes are kept 13 months, hours 14."""
    settings.HEADROOM_KEEP_HOURS_MONTHS = 14
    for start in (utc("2025-05-31 22:00"), utc("2025-06-30 22:00"), MAY):
        pull_window(Window(start, start + 4 * HOUR), MINUTE, at=start + 6 * HOUR)
        for day in (start.date(), (start + 4 * HOUR).date()):
            fill_day(day, at=start + 6 * HOUR, is_going_on=False)
    compact(at=utc("2025-06-20 00:00"))
    return world


def months() -> dict[str, list[tuple[int, int]]]:
    return {table: partitions_of(table) for table in (MINUTES, BLOCKS, HOURS)}


def test_months_before_the_kept_ones_go_and_later_ones_stay(used):
    tidied = tidy(at=AT)
    assert (2025, 5) not in months()[MINUTES] + months()[BLOCKS]
    assert months()[HOURS][0] == (2025, 5)
    assert months()[MINUTES][0] == months()[BLOCKS][0] == (2025, 6)
    assert tidied.kept_back == []
    assert set(tidied.dropped) == {
        "showback_usage_minutes_2025_05",
        "showback_usage_day_block_2025_05",
    }
    assert kept_since(Kept.What.MINUTES) == utc("2025-06-01 00:00")


def test_a_month_later_the_hours_go_too_and_the_days_stay(used):
    before = ServiceDay.objects.count(), CostLine.objects.count()
    tidy(at=AT + timedelta(days=31))
    assert months()[HOURS][0] == (2025, 6)
    assert not UsageHour.objects.filter(hour__lt=utc("2025-06-01 00:00")).exists()
    assert not ServiceHour.objects.filter(hour__lt=utc("2025-06-01 00:00")).exists()
    assert (ServiceDay.objects.count(), CostLine.objects.count()) == before


def test_days_go_only_where_a_setting_says_so(used, settings):
    settings.HEADROOM_KEEP_DAYS_MONTHS = 14
    tidy(at=AT + timedelta(days=31))
    assert ServiceDay.objects.earliest("day").day == date(2025, 6, 1)
    assert CostLine.objects.earliest("day").day == date(2025, 6, 1)


def test_next_month_has_its_partitions_before_it_begins(used):
    tidy(at=AT)
    assert all((2026, 8) in found for found in months().values())


def test_what_is_not_rolled_up_yet_is_kept_back_and_goes_the_night_after(used):
    TouchedHour.objects.create(hour=utc("2025-05-31 23:00"), deployment=used.chat)
    tidied = tidy(at=AT)
    assert "not rolled up yet" in tidied.kept_back[0]
    assert months()[MINUTES][0] == (2025, 5)
    assert kept_since(Kept.What.MINUTES) == utc("2025-05-01 00:00")
    fill_everything(at=AT)
    assert len(tidy(at=AT).dropped) == 2


def test_a_table_that_is_being_read_waits_for_another_night(used, monkeypatch):
    def in_use(*_):
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(retention, "drop_partition", in_use)
    assert all("another night" in sentence for sentence in tidy(at=AT).kept_back)
    monkeypatch.undo()
    assert tidy(at=AT).kept_back == []


def test_a_day_whose_hours_were_dropped_is_never_emptied(used):
    tidy(at=AT + timedelta(days=31))
    before = list(ServiceDay.objects.filter(day=date(2025, 5, 31)).values())
    assert before
    TouchedHour.objects.create(hour=utc("2025-05-31 00:00"))
    assert date(2025, 5, 31) not in fill_everything(at=AT + timedelta(days=31))
    assert list(ServiceDay.objects.filter(day=date(2025, 5, 31)).values()) == before
    tidy(at=AT + timedelta(days=31))
    assert not TouchedHour.objects.filter(hour__lt=utc("2025-06-01 00:00")).exists()


def test_minutes_of_kept_months_are_read_as_before(used):
    window = Window(utc("2025-05-31 22:00"), utc("2025-06-01 02:00"))
    before = read_hours([used.chat.pk], window)
    assert len(before) == 4
    tidy(at=AT)
    after = read_hours([used.chat.pk], window)
    assert sorted(after) == sorted(before)[2:]
    assert all((after[key] == before[key]).all() for key in after)


def test_watermarks_and_done_slices_of_dropped_months_go_but_no_account_is_planned_again(used):
    plan_backfill(at=utc("2025-05-20 00:00"))
    BackfillSlice.objects.update(done_at=AT)
    assert tidy(at=AT).dropped
    assert not UsagePull.objects.filter(hour__lt=utc("2025-06-01 00:00")).exists()
    assert UsagePull.objects.filter(hour__gte=utc("2025-06-01 00:00")).exists()
    assert BackfillSlice.objects.count() == 1
    assert plan_backfill(at=AT) == 0


def test_a_raised_setting_does_not_claim_what_is_gone(used, settings):
    tidy(at=AT)
    settings.HEADROOM_KEEP_MINUTES_MONTHS = 24
    tidy(at=AT)
    assert kept_since(Kept.What.MINUTES) == utc("2025-06-01 00:00")


def test_pages_say_that_something_is_older_than_what_is_kept(used):
    assert older_than_kept(Kept.What.HOURS, date(2025, 5, 31)) == ""
    tidy(at=AT + timedelta(days=31))
    sentence = older_than_kept(Kept.What.HOURS, date(2025, 5, 31))
    assert sentence == "This is older than what is kept: hours go back to 1 June 2025."
    assert older_than_kept(Kept.What.HOURS, date(2025, 6, 1)) == ""


@pytest.mark.parametrize("value", ["3", "-1", "a year", "4.5"])
def test_too_few_months_and_other_words_end_the_start(value):
    with pytest.raises(SettingMissing, match="whole number of months from 4 on. Azure"):
        Environment({"KEEP": value}).months("KEEP", 13, least=4, why="Azure keeps 93 days.")
    assert Environment({}).months("KEEP", 13, least=4, why="") == 13
    assert Environment({"KEEP": "0"}).months("KEEP", 0, least=0, why="") == 0
