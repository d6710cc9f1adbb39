"""History: planned once, newest first, resumable, with progress to see."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from portal.kernel.windows import DAY, HOUR, MINUTE
from portal.models import AuditRow
from quotas.models import Deployment
from showback import tasks
from showback.domain.history import slices
from showback.models import BackfillSlice, Grain, UsageHour
from showback.selectors.history import Days, Pieces, history_progress, unfinished_history
from showback.services import locks
from showback.services.backfill import ask_for_history, backfill_for, fetch, plan_backfill
from showback.tests import factories as make
from showback.tests.factories import utc

AT = utc("2026-03-20 09:40")


def test_history_is_four_weeks_of_minutes_and_two_full_months_of_hours():
    from zoneinfo import ZoneInfo

    found = slices(AT, ZoneInfo("Europe/Berlin"), days=28)
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


@pytest.fixture
def command(world, monkeypatch):
    from showback.management.commands import pull_usage

    monkeypatch.setattr(pull_usage, "now", lambda: AT)
    return lambda *arguments: call_command("pull_usage", *arguments)


def test_the_command_fetches_as_deep_as_azure_keeps(world, command):
    command("--days", "93")
    minutes = UsageHour.objects.filter(deployment=world.chat, grain=Grain.MINUTE)
    # 93 days before 09:40, less an hour for clocks that differ, on the next whole hour.
    assert minutes.first().hour == utc("2025-12-17 11:00")
    assert minutes.count() == 92 * 24 + 13 + 10
    assert not UsageHour.objects.filter(deployment=world.chat, grain=Grain.HOUR).exists()


@pytest.mark.parametrize("days", ["0", "94"])
def test_deeper_than_azure_keeps_is_refused_with_a_sentence(command, days):
    with pytest.raises(CommandError, match="Azure keeps 93 days of metrics"):
        command("--days", days)


def test_a_command_that_is_stopped_goes_on_where_it_was(world, command, monkeypatch, capsys):
    real, calls = world.metrics.pull, []

    def pull(**asked):
        calls.append(asked["window"].start)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(**asked)

    with monkeypatch.context() as patch:
        patch.setattr(world.metrics, "pull", pull)
        with pytest.raises(CommandError, match="5 pieces are left") as stopped:
            command("--days", "7")
    assert stopped.value.returncode == 130
    assert "3 of 8 days of every account" in capsys.readouterr().out
    world.metrics.calls.clear()
    command("--days", "7")
    fetched = [window.start for _, window, _ in world.metrics.calls]
    assert fetched[0] == calls[3]
    assert len(fetched) == 5 + 1  # and the newest hours
    assert "8 of 8 days" in capsys.readouterr().out


def test_a_command_that_could_not_read_all_says_so_with_its_exit_status(world, command, capsys):
    world.metrics.down = True
    with pytest.raises(CommandError, match="8 pieces could not be read") as failed:
        command("--days", "7")
    assert failed.value.returncode == 1
    assert "Azure did not answer in time." in capsys.readouterr().err
    world.metrics.down = False
    command("--days", "7")  # at once, though they would wait for four minutes
    assert not BackfillSlice.objects.filter(
        done_at__isnull=True, grain=Grain.MINUTE, starts_at__gte=utc("2026-03-13 00:00")
    ).exists()


def test_days_can_be_fetched_again(world, command):
    command("--days", "2")
    world.metrics.calls.clear()
    command("--days", "2")
    assert len(world.metrics.calls) == 1
    command("--days", "2", "--again")
    assert len(world.metrics.calls) == 1 + 3 + 1


def test_history_that_somebody_asks_for_is_planned_and_audited(world):
    backfill_for(60, at=AT)
    asked = ask_for_history(93, by=world.fay, at=AT + HOUR)
    # 65 days before the four weeks that are there, and today's newest hour.
    assert (asked.added, asked.to_do) == (66, 66)
    row = AuditRow.objects.get(verb="usage.history_asked")
    assert (row.subject, row.actor_id, row.detail) == ("days/93", world.fay.pk, {"pieces": 66})
    before = UsageHour.objects.filter(deployment=world.chat, grain=Grain.MINUTE).count()
    backfill_for(60, at=AT + HOUR)
    assert UsageHour.objects.filter(deployment=world.chat, grain=Grain.MINUTE).count() > before


def test_asking_twice_for_history_is_asking_once(world):
    backfill_for(60, at=AT)
    first = ask_for_history(93, again=True, by=world.fay, at=AT + 2 * HOUR)
    assert (first.added, first.to_do) == (94, 94)
    next(fetch(at=AT + 2 * HOUR))
    second = ask_for_history(93, again=True, by=world.fay, at=AT + 2 * HOUR + MINUTE)
    assert (second.added, second.to_do) == (0, 93)
    assert AuditRow.objects.filter(verb="usage.history_asked").count() == 1


def test_a_day_that_was_planned_while_it_went_on_is_fetched_to_its_end_when_asked_again(world):
    """Between the two asks nothing was pulled: the worker stood still."""
    backfill_for(60, at=AT)
    later = AT + 3 * DAY
    asked = ask_for_history(7, by=world.fay, at=later)
    assert asked.added == 4  # the rest of that day, the two after it, and today so far
    backfill_for(60, at=later)
    hours = UsageHour.objects.filter(
        deployment=world.chat,
        hour__gte=utc("2026-03-20 00:00"),
        hour__lt=utc("2026-03-23 09:00"),
    )
    assert hours.count() == 3 * 24 + 9


def test_a_day_made_longer_while_it_is_fetched_stays_to_do(world, monkeypatch):
    plan_backfill(at=AT)
    real = world.metrics.pull

    def pull(**asked):
        ask_for_history(2, by=world.fay, at=AT + 3 * HOUR)
        return real(**asked)

    monkeypatch.setattr(world.metrics, "pull", pull)
    next(fetch(at=AT))
    left = BackfillSlice.objects.get(starts_at=utc("2026-03-20 00:00"))
    assert (left.ends_at, left.done_at) == (utc("2026-03-20 12:00"), None)


def test_what_waits_after_a_failure_is_due_at_once_when_somebody_asks(world):
    world.metrics.down = True
    backfill_for(60, at=AT)
    asked = ask_for_history(2, by=world.fay, at=AT + MINUTE)
    assert (asked.added, asked.to_do) == (3, 3)
    world.metrics.down = False
    assert backfill_for(60, at=AT + MINUTE) == 3


def test_an_account_that_cannot_be_read_does_not_hold_back_its_neighbours(world, monkeypatch):
    other = make.account("other")
    make.deployment("new", world.assistant, on=other)
    plan_backfill(at=AT)
    real = world.metrics.pull

    def pull(**asked):
        lost = {other.resource_key: frozenset({"prompt"})}
        return replace(real(**asked), failed_measures=lost, problems=("Account other is gone.",))

    monkeypatch.setattr(world.metrics, "pull", pull)
    stretch = next(fetch(at=AT))
    assert (stretch.done, len(stretch.waiting)) == (1, 1)
    [trouble] = history_progress(at=AT).in_trouble
    assert (trouble.account, trouble.problem) == ("other", "Account other is gone.")


def test_what_a_deployment_served_before_it_was_deleted_is_history_too(world):
    Deployment.objects.filter(pk=world.digest_deployment.pk).update(gone_at=AT - DAY)
    backfill_for(60, at=AT)
    hours = UsageHour.objects.filter(deployment=world.digest_deployment)
    assert hours.filter(hour=AT.replace(minute=0) - 2 * DAY).exists()


def test_progress_tells_days_pace_and_the_time_to_go(world):
    assert history_progress(at=AT).grains == []
    plan_backfill(at=AT)
    rows = BackfillSlice.objects.filter(grain=Grain.MINUTE)
    newest = list(rows.order_by("-starts_at").values_list("pk", flat=True)[:10])
    BackfillSlice.objects.filter(pk__in=newest).update(done_at=AT + 4 * MINUTE)
    history = history_progress(at=AT + 5 * MINUTE)
    minutes, hours = history.grains
    assert (minutes.days_done, minutes.days, minutes.done, minutes.total) == (10, 29, 10, 29)
    assert minutes.words == "10 of 29 days of every account, 2.0 pieces a minute"
    assert minutes.to_go == 9.5 * MINUTE
    assert (hours.grain, hours.done, hours.is_done) == ("hour", 0, False)
    [account] = history.accounts
    assert (account.by_minute, account.by_hour) == (Days(10, 29), Days(0, 50))
    # Nine whole days and nine hours of today in five minutes; 19 days and 4 stretches are to do.
    assert account.pace_words == "1.9 days a minute"
    assert account.to_go == 5 * MINUTE * 23 / 10
    assert unfinished_history(at=AT) == Pieces(10, 33, "")


def test_without_a_pace_no_end_is_promised(world):
    plan_backfill(at=AT)
    BackfillSlice.objects.filter(grain=Grain.MINUTE).update(done_at=AT)
    hours = history_progress(at=AT + HOUR).grains[1]
    assert (hours.pieces_per_minute, hours.to_go) == (None, None)


def test_accounts_in_trouble_are_named_first_with_their_next_try(world):
    make.deployment("new", world.assistant, on=make.account("other", region="swedencentral"))
    plan_backfill(at=AT)
    of_other = BackfillSlice.objects.filter(account_key__endswith="/other", grain=Grain.MINUTE)
    of_other.update(problem="Azure would not.", not_before=AT + HOUR)
    BackfillSlice.objects.filter(account_key__endswith="/acme", grain=Grain.MINUTE).update(
        done_at=AT
    )
    history = history_progress(at=AT + MINUTE)
    assert history.grains[0].days_done == 0
    assert history.grains[0].to_go is None, "what waits is not promised"
    assert [account.account for account in history.accounts] == ["other", "acme"]
    [trouble] = history.in_trouble
    assert (trouble.pieces_failed, trouble.problem) == (29, "Azure would not.")
    assert trouble.next_try == AT + HOUR
    assert not history.only_waits, "hours are still to be fetched"


def test_what_azure_keeps_no_more_is_no_progress(world):
    plan_backfill(at=AT)
    assert history_progress(at=AT + 93 * DAY).grains == []
    assert unfinished_history(at=AT + 93 * DAY) is None


def test_progress_is_one_query_however_many_accounts(world, django_assert_num_queries):
    for name in ("one", "two", "three"):
        make.deployment(name, world.assistant, on=make.account(name))
    plan_backfill(at=AT)
    with django_assert_num_queries(1):
        history_progress(at=AT)


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
