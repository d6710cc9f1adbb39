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
