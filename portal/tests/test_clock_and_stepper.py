"""One door for time, and the stepper that opens it at every due moment."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from portal.kernel import clock
from portal.management import stepper
from portal.management.clocks import TwoClocks
from portal.management.commands.advance import parse_target
from portal.models import ClockOffset
from portal.models.clock import forget_offset, offset_reader
from showback import tasks as showback_tasks
from showback.services import usage_pull

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NIGHTLY = ("pull_nightly", "pull_callers_nightly", "compact_minutes", "drop_old_usage")


@pytest.fixture(autouse=True)
def _fresh_offset(db: None) -> Iterator[None]:
    forget_offset()
    yield
    forget_offset()


def test_the_offset_moves_the_portal_and_not_real_time() -> None:
    ClockOffset.set(timedelta(days=3))
    assert timedelta(days=2, hours=23) < clock.now() - clock.real_now() < timedelta(days=3, hours=1)


def test_in_production_the_offset_is_not_even_read(settings: Any) -> None:
    ClockOffset.set(timedelta(days=3))
    settings.CLOCK_MAY_BE_SET = False
    assert offset_reader()() == timedelta(0)
    with pytest.raises(CommandError, match="In production"):
        TwoClocks()


def test_slots_are_every_five_minutes_and_the_end_is_always_a_stop() -> None:
    found = list(
        stepper.stops(NOON + timedelta(minutes=2), NOON + timedelta(minutes=12), with_schedule=True)
    )
    assert [(s.at - NOON) // timedelta(minutes=1) for s in found] == [5, 10, 12]
    assert [s.is_slot for s in found] == [True, True, False]


def test_use_is_read_at_the_cadence_that_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every 5 minutes this hour and the one before, hourly six, nightly two days."""
    asked: list[tuple[datetime, datetime, datetime]] = []
    monkeypatch.setattr(
        usage_pull,
        "pull_window",
        lambda window, grain, *, at: asked.append((at, window.start, window.end)),
    )
    for module, names in (
        (stepper.quotas_tasks, ("sync_inventory", "time_out_requests")),
        (
            stepper.showback_tasks,
            ("pull_callers", "pull_late_callers", "pull_callers_nightly", "compact_minutes",
             "drop_old_usage", "roll_up_and_cost"),
        ),
    ):  # fmt: skip
        for name in names:
            monkeypatch.setattr(module, name, lambda: None)
    for stop in stepper.stops(NOON, NOON + timedelta(days=1), with_schedule=True):
        monkeypatch.setattr(showback_tasks, "now", lambda at=stop.at: at)
        stepper.run_slot(stop.at)
    assert len(asked) == 24 * 12
    for at, start, end in asked:
        back = timedelta(hours=1)
        if at.minute == 0:
            back = timedelta(hours=48) if at.hour == 0 else timedelta(hours=6)
        assert (start, end) == (at.replace(minute=0) - back, at)


def test_beat_keeps_the_same_cadence(settings: Any) -> None:
    schedule = {
        entry["task"].rpartition(".")[2]: entry["schedule"]
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }
    assert schedule["pull_usage"] == 300
    assert schedule["pull_recent"] == 3_600
    assert schedule["pull_nightly"] == 86_400


def test_edges_are_stops_too(monkeypatch: pytest.MonkeyPatch) -> None:
    edge = NOON + timedelta(minutes=3, seconds=20)
    monkeypatch.setattr(stepper, "next_due_moment", lambda after: edge if after < edge else None)
    found = list(stepper.stops(NOON, NOON + timedelta(minutes=4), with_schedule=False))
    assert [s.at for s in found] == [edge, NOON + timedelta(minutes=4)]


@pytest.mark.parametrize(
    ("text", "minutes"), [("+90m", 90), ("+2h", 120), ("2026-03-02T13:00", 60), ("+1d", 1440)]
)
def test_a_target_is_a_time_or_a_distance(text: str, minutes: int) -> None:
    assert parse_target(text, NOON) == NOON + timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["soon", "+5", "+xh", "2026-03-02T11:59", ""])
def test_a_target_that_is_none_gets_a_sentence(text: str) -> None:
    with pytest.raises(CommandError, match="no time|already"):
        parse_target(text, NOON)


def test_advance_moves_the_clock_without_a_simulated_azure(
    settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.HEADROOM_SIMULATOR_CONTROL_URL = ""
    settings.HEADROOM_SUBSCRIPTIONS = []
    before = clock.now()
    call_command("advance", to="+3m", edges_only=True)
    assert clock.now() - before > timedelta(minutes=2, seconds=59)
    assert "it is now" in capsys.readouterr().out


def test_what_beat_does_at_night_is_done_at_midnight_and_at_no_other_slot(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HEADROOM_SUBSCRIPTIONS = []
    done: list[str] = []
    for name in NIGHTLY:
        monkeypatch.setattr(stepper.showback_tasks, name, lambda name=name: done.append(name))
    stepper.run_slot(NOON)
    assert done == []
    stepper.run_slot(NOON.replace(hour=0))
    assert done == list(NIGHTLY)
