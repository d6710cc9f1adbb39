"""History: planned once, newest first, resumable, with progress to see."""

from datetime import timedelta

from django.core.management import call_command

from portal.kernel.windows import DAY, HOUR, MINUTE
from showback import tasks
from showback.domain.history import slices
from showback.models import BackfillSlice, Grain, UsageHour
from showback.services import locks
from showback.services.backfill import backfill_for, fetch, plan_backfill
from showback.tests import factories as make
from showback.tests.factories import utc

AT = utc("2026-03-20 09:40")


def test_history_is_four_weeks_of_minutes_and_two_full_months_of_hours():
    from zoneinfo import ZoneInfo

    found = slices(AT, ZoneInfo("Europe/Berlin"))
    minutes = [piece.window for piece in found if piece.grain == MINUTE]
    hours = [piece.window for piece in found if piece.grain == HOUR]
    assert minutes[0].end == utc("2026-03-20 09:00")
    assert minutes[-1].start == utc("2026-02-20 00:00")
    assert hours[0].end == utc("2026-02-20 00:00")
    assert hours[-1].start == utc("2025-12-31 23:00")
    edges = [piece.window for piece in sorted(found)]
    assert all(a.end == b.start for a, b in zip(edges, edges[1:], strict=False))
    assert [piece.window.start for piece in found] == sorted(
        (piece.window.start for piece in found), reverse=True
    )


def test_an_account_is_planned_once_and_a_new_one_later(world):
    first = plan_backfill(at=AT)
    assert first == BackfillSlice.objects.count() > 28
    assert plan_backfill(at=AT + DAY) == 0
    make.deployment("new", world.assistant, on=make.account("other", region="swedencentral"))
    assert plan_backfill(at=AT + DAY) > 28


def test_a_backfill_goes_on_where_it_stopped(world):
    plan_backfill(at=AT)
    steps = fetch(at=AT)
    next(steps), next(steps)
    steps.close()
    done = BackfillSlice.objects.filter(done_at__isnull=False)
    assert [piece.starts_at for piece in done] == [
        utc("2026-03-20 00:00"),
        utc("2026-03-19 00:00"),
    ]
    world.metrics.calls.clear()
    backfill_for(60, at=AT)
    assert world.metrics.calls[0][1].start == utc("2026-03-18 00:00")
    assert not BackfillSlice.objects.filter(done_at__isnull=True).exists()
    hours = UsageHour.objects.filter(deployment=world.chat)
    assert hours.filter(grain=Grain.MINUTE).count() == 28 * 24 + 9
    assert hours.first().hour == utc("2026-01-01 00:00")


def test_a_slice_that_fails_waits_and_is_tried_again(world):
    world.metrics.down = True
    backfill_for(60, at=AT)
    waiting = BackfillSlice.objects.filter(done_at__isnull=True)
    assert waiting.count() == BackfillSlice.objects.count()
    assert {piece.problem for piece in waiting} == {"Azure did not answer in time."}
    world.metrics.down = False
    assert backfill_for(60, at=AT + MINUTE) == 0
    assert backfill_for(60, at=AT + 5 * MINUTE) == BackfillSlice.objects.count()


def test_only_one_backfill_runs_at_a_time(world, monkeypatch):
    monkeypatch.setattr(locks, "_try", lambda name: False)
    assert backfill_for(60, at=AT) == 0
    assert not BackfillSlice.objects.exists()


def test_the_command_brings_a_week_and_its_cost(world, capsys, monkeypatch):
    from showback.management.commands import pull_usage

    monkeypatch.setattr(pull_usage, "now", lambda: AT)
    call_command("pull_usage", "--days", "7")
    said = capsys.readouterr().out
    assert "cost of 8 days worked out" in said
    hours = UsageHour.objects.filter(deployment=world.chat, grain=Grain.MINUTE)
    assert hours.first().hour == utc("2026-03-13 00:00")
    assert hours.last().minutes_received == 37


def test_every_task_of_the_schedule_does_its_work(world, settings, monkeypatch):
    monkeypatch.setattr(tasks, "now", lambda: AT)
    scheduled = {
        entry["task"].rpartition(".")[2]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
        if entry["task"].startswith("showback.")
    }
    names = ["pull_usage", "pull_recent", "pull_nightly", "backfill", "roll_up_and_cost"]
    names += ["compact_minutes", "drop_old_usage"]
    names += ["pull_callers", "pull_late_callers", "pull_callers_nightly"]
    assert scheduled == set(names)
    for name in names:
        getattr(tasks, name).delay()
    lengths = [(window.start, grain) for _, window, grain in world.metrics.calls[:3]]
    assert lengths == [
        (utc("2026-03-20 08:00"), MINUTE),
        (utc("2026-03-20 03:00"), MINUTE),
        (utc("2026-03-18 09:00"), MINUTE),
    ]
    assert timedelta(seconds=tasks.BACKFILL_SECONDS) < timedelta(seconds=15)
