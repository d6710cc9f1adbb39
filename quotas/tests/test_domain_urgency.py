"""When an answer is owed, and what is late: asked ahead, and asked from now on."""

from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from portal.kernel.windows import HOUR, MINUTE
from quotas.domain.business_hours import BusinessHours
from quotas.domain.urgency import Urgency, Waiting, urgency_of
from quotas.tests.factories import NOON, utc

HOURS = BusinessHours(ZoneInfo("UTC"))  # NOON is a Monday, 12:00; they are there until 17:00
TOMORROW = utc("2026-03-03 10:00")
AHEAD = Waiting(NOON, NOON, starts_at=TOMORROW, ends_at=utc("2026-03-05 12:00"))
AT_ONCE = replace(AHEAD, starts_at=NOON)


def urgency(waiting: Waiting, hours: float = 4) -> Urgency:
    return urgency_of(waiting, HOURS, timedelta(hours=hours))


def test_what_is_asked_ahead_is_late_from_its_start_on() -> None:
    found = urgency(AHEAD)
    assert (found.is_at_once, found.due_at) == (False, TOMORROW)
    assert [found.is_late(TOMORROW - MINUTE), found.is_late(TOMORROW)] == [False, True]
    assert [AHEAD.passed_its_start(TOMORROW - MINUTE), AHEAD.passed_its_start(TOMORROW)] == [
        False, True,
    ]  # fmt: skip


def test_what_is_asked_from_now_on_is_late_only_when_its_approvers_would_be_reminded() -> None:
    found = urgency(AT_ONCE)
    assert (found.is_at_once, found.due_at) == (True, NOON + 4 * HOUR)
    assert [found.is_late(NOON + MINUTE), found.is_late(NOON + 4 * HOUR)] == [False, True]
    assert not AT_ONCE.passed_its_start(NOON + 9 * HOUR)  # nobody could have answered before it


def test_hours_in_which_nobody_is_there_do_not_make_it_late() -> None:
    evening = utc("2026-03-02 18:00")
    found = urgency(replace(AT_ONCE, asked_at=evening, moved_at=evening, starts_at=evening))
    assert found.due_at == utc("2026-03-03 13:00")


def test_an_answer_in_between_gives_what_is_at_once_its_whole_time_again() -> None:
    later = utc("2026-03-02 15:00")
    assert urgency(replace(AT_ONCE, moved_at=later)).due_at == utc("2026-03-03 11:00")
    assert urgency(replace(AHEAD, moved_at=later)).due_at == TOMORROW


def test_the_minute_in_which_it_is_asked_is_now() -> None:
    asked = NOON + timedelta(seconds=40)
    assert replace(AT_ONCE, asked_at=asked).is_at_once  # starts are whole minutes
    assert not replace(AT_ONCE, starts_at=NOON + MINUTE, asked_at=asked).is_at_once


def test_an_answer_is_due_at_the_end_of_the_review_at_the_latest() -> None:
    assert urgency(AT_ONCE, hours=400).due_at == AT_ONCE.ends_at


def test_what_is_late_comes_first_then_what_is_due_first() -> None:
    at = NOON + 5 * MINUTE
    soon = urgency(replace(AHEAD, starts_at=NOON + 30 * MINUTE))
    passed = urgency(replace(AHEAD, starts_at=at, asked_at=NOON))
    closing = urgency(replace(AHEAD, ends_at=NOON + HOUR))
    found = sorted([urgency(AHEAD), urgency(AT_ONCE), closing, soon, passed],
                   key=lambda each: each.order(at))  # fmt: skip
    assert found == [passed, soon, closing, urgency(AT_ONCE), urgency(AHEAD)]
