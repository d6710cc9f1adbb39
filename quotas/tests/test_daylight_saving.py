"""I14: a window lasts as long as its person was shown, whatever the clocks do in between.

People type times of their own zone. Everything below the form is UTC, where nothing is put forward
or back, so what is held, costs and is shown as length is the time that passes.
"""

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from portal.kernel.windows import HOUR, Window
from portal.models import User
from quotas.domain.business_hours import BusinessHours, business_time
from quotas.forms import MomentField
from quotas.models import LedgerEntry, Pool, Service
from quotas.selectors import words
from quotas.selectors.review_hours import Reviews
from quotas.services import decisions
from quotas.services.reminders import remind_waiting
from quotas.services.review_settings import set_reviews
from quotas.tests.conftest import Browse, ask, words_of
from quotas.tests.factories import NOON, utc

# Zone, what is typed, the same in UTC, hours. Lord Howe changes by half an hour; India, Nepal and
# Newfoundland are not whole hours from UTC; Chatham's day is a quarter hour off as well.
WINDOWS = [
    ("UTC", "2026-03-29 00:00", "2026-03-30 00:00", "2026-03-29 00:00", 24),
    ("Europe/Amsterdam", "2026-03-29 01:30", "2026-03-29 04:30", "2026-03-29 00:30", 2),
    ("Europe/Amsterdam", "2026-03-29 03:00", "2026-03-29 04:00", "2026-03-29 01:00", 1),
    ("Europe/Amsterdam", "2026-03-28 12:00", "2026-03-30 12:00", "2026-03-28 11:00", 47),
    ("Europe/Amsterdam", "2026-10-25 01:30", "2026-10-25 04:30", "2026-10-24 23:30", 4),
    ("Europe/Amsterdam", "2026-10-25 01:59", "2026-10-25 03:00", "2026-10-24 23:59", 2 + 1 / 60),
    ("America/New_York", "2026-03-08 00:00", "2026-03-09 00:00", "2026-03-08 05:00", 23),
    ("America/New_York", "2026-11-01 00:00", "2026-11-02 00:00", "2026-11-01 04:00", 25),
    ("America/St_Johns", "2026-03-08 00:00", "2026-03-09 00:00", "2026-03-08 03:30", 23),
    ("Australia/Lord_Howe", "2026-04-05 00:00", "2026-04-06 00:00", "2026-04-04 13:00", 24.5),
    ("Australia/Lord_Howe", "2026-10-04 00:00", "2026-10-05 00:00", "2026-10-03 13:30", 23.5),
    ("Pacific/Chatham", "2026-04-05 00:00", "2026-04-06 00:00", "2026-04-04 10:15", 25),
    ("Asia/Kolkata", "2026-03-29 09:00", "2026-03-29 17:00", "2026-03-29 03:30", 8),
    ("Asia/Kathmandu", "2026-10-25 09:00", "2026-10-25 17:00", "2026-10-25 03:15", 8),
]
# Zone, what is typed, and what the clocks do then.
CHANGES = [
    ("Europe/Amsterdam", "2026-03-29 02:00", "does not exist"),
    ("Europe/Amsterdam", "2026-03-29 02:59", "does not exist"),
    ("Europe/Amsterdam", "2026-10-25 02:00", "comes twice"),
    ("Europe/Amsterdam", "2026-10-25 02:59", "comes twice"),
    ("America/New_York", "2026-03-08 02:30", "does not exist"),
    ("America/New_York", "2026-11-01 01:30", "comes twice"),
    ("Australia/Lord_Howe", "2026-10-04 02:15", "does not exist"),
    ("Australia/Lord_Howe", "2026-04-05 01:45", "comes twice"),
]


def typed(zone: str, start: str, end: str) -> Window:
    """What the form makes of two fields of a person in this zone."""
    with timezone.override(ZoneInfo(zone)):
        return Window(*(MomentField().clean(text) for text in (start, end)))


@pytest.mark.parametrize(("zone", "start", "end", "begins", "hours"), WINDOWS)
def test_i14_a_window_lasts_as_long_as_the_time_that_passes(
    zone: str, start: str, end: str, begins: str, hours: float
) -> None:
    window = typed(zone, start, end)
    assert window.start == utc(begins)
    assert window.end == utc(begins) + timedelta(hours=hours)
    assert window.length == timedelta(hours=hours)  # not what the two clocks differ by


@pytest.mark.parametrize(("zone", "start", "end", "begins", "hours"), WINDOWS)
def test_i14_what_is_granted_is_what_was_shown(
    chat: Service, pool: Pool, ada: User, zone: str, start: str, end: str, begins: str, hours: float
) -> None:
    """The ledger, the length on the page, and the clocks that the person reads again."""
    window = typed(zone, start, end)
    burst = ask(chat, ada, units=40, starts_at=window.start, ends_at=window.end)
    entry = LedgerEntry.objects.get(request=burst)
    assert (entry.effective_from, entry.window.length) == (utc(begins), timedelta(hours=hours))
    burst.refresh_from_db()
    assert words.length(burst.window) == words.length(Window(NOON, NOON + window.length))
    zoned = [edge.astimezone(ZoneInfo(zone)) for edge in (burst.starts_at, burst.ends_at)]
    assert [f"{edge:%Y-%m-%d %H:%M}" for edge in zoned] == [start, end]


@pytest.mark.parametrize(("zone", "text", "sentence"), CHANGES)
def test_i14_a_time_that_the_clocks_skip_or_show_twice_is_not_guessed(
    zone: str, text: str, sentence: str
) -> None:
    with timezone.override(ZoneInfo(zone)), pytest.raises(ValidationError, match=sentence):
        MomentField().clean(text)


@pytest.mark.parametrize("text", ["0001-01-01 00:00", "9999-12-31 23:59"])
@pytest.mark.parametrize("zone", ["Europe/Amsterdam", "Pacific/Kiritimati", "America/Adak"])
def test_the_ends_of_the_calendar_are_no_times(zone: str, text: str) -> None:
    with timezone.override(ZoneInfo(zone)), pytest.raises(ValidationError, match="valid|Write"):
        MomentField().clean(text)


def test_i14_the_page_says_what_to_do_about_it(browse: Browse, chat: Service, ada: User) -> None:
    User.objects.filter(pk=ada.pk).update(time_zone="Europe/Amsterdam")
    facts = {"amount": "40k", "starts_at": "2026-03-29T02:30", "ends_at": "2026-03-29T05:00",
             "occasion": "launch", "purpose": "The launch."}  # fmt: skip
    address = reverse("request_burst", args=[chat.slug])
    answer = browse(User.objects.get(pk=ada.pk)).post(address, facts)
    assert "does not exist. Choose a time before or after the change." in words_of(answer)
    assert not LedgerEntry.objects.filter(kind="burst").exists()


# Zone, a working day before the change and one after it, and when each opens, 9 o'clock, in UTC.
OPENINGS = [
    ("Europe/Zurich", "2026-03-27 08:00", "2026-03-30 07:00"),
    ("Europe/Zurich", "2026-10-23 07:00", "2026-10-26 08:00"),
    ("America/New_York", "2026-03-06 14:00", "2026-03-09 13:00"),
    ("America/St_Johns", "2026-03-06 12:30", "2026-03-09 11:30"),
    ("Australia/Lord_Howe", "2026-04-02 22:00", "2026-04-05 22:30"),
    ("Australia/Lord_Howe", "2026-10-01 22:30", "2026-10-04 22:00"),
    ("Pacific/Auckland", "2026-09-24 21:00", "2026-09-27 20:00"),
    ("Asia/Kolkata", "2026-03-27 03:30", "2026-03-30 03:30"),
    ("Asia/Kathmandu", "2026-10-23 03:15", "2026-10-26 03:15"),
]
# Zone, a night in which the clocks change between 1 and 5 o'clock, and how many hours it has.
NIGHTS = [
    ("Europe/Zurich", "2026-03-29", 3),
    ("Europe/Zurich", "2026-10-25", 5),
    ("America/New_York", "2026-03-08", 3),
    ("America/New_York", "2026-11-01", 5),
    ("America/St_Johns", "2026-11-01", 5),
    ("Australia/Lord_Howe", "2026-04-05", 4.5),
    ("Australia/Lord_Howe", "2026-10-04", 3.5),
    ("Pacific/Auckland", "2026-04-05", 5),
    ("Pacific/Auckland", "2026-09-27", 3),
    ("Asia/Kolkata", "2026-03-29", 4),
]


@pytest.mark.parametrize(("zone", "before", "after"), OPENINGS)
def test_i14_approvers_begin_by_the_clocks_of_their_zone(
    zone: str, before: str, after: str
) -> None:
    hours = BusinessHours(ZoneInfo(zone))
    for opens in (utc(before), utc(after)):
        assert business_time(hours, opens - HOUR, opens) == timedelta(0)
        assert business_time(hours, opens, opens + HOUR) == HOUR
    # From one opening to the other: that Friday, or Monday, alone, whatever the weekend did.
    assert business_time(hours, utc(before), utc(after)) == 8 * HOUR


@pytest.mark.parametrize(("zone", "night", "expected"), NIGHTS)
def test_i14_a_night_is_as_long_as_it_is_for_who_works_in_it(
    zone: str, night: str, expected: float
) -> None:
    place = ZoneInfo(zone)
    opens = BusinessHours(place).opens.replace(hour=1)
    hours = BusinessHours(place, opens, opens.replace(hour=5), frozenset(range(7)))
    found = hours.opening(date.fromisoformat(night))
    assert found is not None
    assert found.length == timedelta(hours=expected)
    whole_day = business_time(hours, found.start - 2 * HOUR, found.start + 20 * HOUR)
    assert whole_day == timedelta(hours=expected)


@pytest.mark.parametrize(("zone", "before", "after"), OPENINGS)
def test_i14_a_reminder_comes_after_the_hours_of_the_pool_whatever_the_clocks_did(
    chat: Service, pool: Pool, ada: User, cleo: User, zone: str, before: str, after: str
) -> None:
    """Sent two hours before the Friday ends: four hours later is 11 o'clock on Monday."""
    set_reviews(pool, Reviews(BusinessHours(ZoneInfo(zone))), fallback=[], by=cleo, at=NOON)
    sent, due = utc(before) + 6 * HOUR, utc(after) + 2 * HOUR
    window = {"starts_at": due + 48 * HOUR, "ends_at": due + 50 * HOUR}
    request = ask(chat, ada, at=sent, units=60, **window)
    assert remind_waiting(at=due - timedelta(minutes=1)) == 0
    assert remind_waiting(at=due) == 1
    decisions.approve(request, by=cleo, note="", at=due)
    assert remind_waiting(at=due + 24 * HOUR) == 0
