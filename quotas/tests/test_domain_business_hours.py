"""Business hours: nights, weekends, holidays, and the days on which clocks are put on or back."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quotas.domain.business_hours import BusinessHours, business_moment, business_time
from quotas.tests.factories import utc

ZURICH = BusinessHours(ZoneInfo("Europe/Zurich"))
HOUR = timedelta(hours=1)
EVERY_DAY = frozenset(range(7))


def hours_between(hours: BusinessHours, since: str, until: str) -> float:
    return business_time(hours, utc(since), utc(until)) / HOUR


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-03-02 08:00", "2026-03-02 12:00", 4),  # 9 to 13 in Zürich
        ("2026-03-02 05:00", "2026-03-02 09:00", 1),  # from before it opens
        ("2026-03-02 15:30", "2026-03-03 08:30", 1),  # over a night
        ("2026-03-06 15:00", "2026-03-09 09:00", 2),  # over a weekend
        ("2026-03-07 08:00", "2026-03-08 16:00", 0),  # a weekend alone
        ("2026-03-02 16:00", "2026-03-03 08:00", 0),  # half-open at both ends
        ("2026-03-02 12:00", "2026-03-02 12:00", 0),
        ("2026-03-02 12:00", "2026-03-02 11:00", 0),
        ("2026-03-02 08:00", "2026-03-09 08:00", 40),
    ],
)
def test_only_time_in_which_people_are_there_counts(
    since: str, until: str, expected: float
) -> None:
    assert hours_between(ZURICH, since, until) == expected


def test_a_holiday_is_a_whole_day_of_the_zone() -> None:
    closed = BusinessHours(ZURICH.zone, holidays=frozenset({date(2026, 3, 3)}))
    assert hours_between(closed, "2026-03-02 08:00", "2026-03-04 08:00") == 8


def test_a_day_opens_by_the_clocks_of_its_zone_before_and_after_they_change() -> None:
    assert hours_between(ZURICH, "2026-03-27 07:00", "2026-03-27 09:00") == 1  # opens 8 UTC
    assert hours_between(ZURICH, "2026-03-30 06:00", "2026-03-30 08:00") == 1  # opens 7 UTC


@pytest.mark.parametrize(
    ("day", "expected"), [("2026-03-28", 4), ("2026-03-29", 3), ("2026-10-25", 5)]
)
def test_a_day_with_a_change_inside_is_shorter_or_longer(day: str, expected: float) -> None:
    night = BusinessHours(ZURICH.zone, time(1), time(5), EVERY_DAY)
    before = utc(f"{day} 00:00") - timedelta(hours=3)
    assert business_time(night, before, before + timedelta(hours=20)) == expected * HOUR


def test_a_clock_that_is_skipped_means_the_moment_an_hour_later() -> None:
    night = BusinessHours(ZURICH.zone, time(2, 30), time(3, 30), EVERY_DAY)
    assert night.opening(date(2026, 3, 29)) is None  # both are 3:30
    assert night.opening(date(2026, 3, 28)) is not None


def test_two_zones_count_the_same_moments_differently() -> None:
    tokyo = BusinessHours(ZoneInfo("Asia/Tokyo"))
    assert hours_between(tokyo, "2026-03-02 00:00", "2026-03-02 12:00") == 8
    assert hours_between(ZURICH, "2026-03-02 00:00", "2026-03-02 12:00") == 4


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31)).map(  # noqa: DTZ001
    lambda at: at.replace(tzinfo=ZoneInfo("UTC"))
)


@given(st.lists(MOMENTS, min_size=3, max_size=3))
def test_time_adds_up_and_is_never_more_than_what_passed(moments: list[datetime]) -> None:
    first, middle, last = sorted(moments)
    parts = business_time(ZURICH, first, middle), business_time(ZURICH, middle, last)
    assert business_time(ZURICH, first, last) == sum(parts, timedelta(0))
    assert timedelta(0) <= parts[0] <= middle - first


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("2026-03-02 08:00", "2026-03-09 08:00", "2026-03-02 12:00"),
        ("2026-03-02 05:00", "2026-03-09 08:00", "2026-03-02 12:00"),  # from when it opens
        ("2026-03-02 14:00", "2026-03-09 08:00", "2026-03-03 10:00"),  # over a night
        ("2026-03-06 14:00", "2026-03-20 08:00", "2026-03-09 10:00"),  # over a weekend
        ("2026-03-02 08:00", "2026-03-02 11:00", "2026-03-02 11:00"),  # not in time
        ("2026-03-07 08:00", "2026-03-08 08:00", "2026-03-08 08:00"),  # never open
        ("2026-03-02 08:00", "2026-03-02 07:00", "2026-03-02 07:00"),  # over before it begins
    ],
)
def test_the_moment_at_which_people_were_there_for_four_hours(
    since: str, until: str, expected: str
) -> None:
    found = business_moment(ZURICH, utc(since), 4 * HOUR, until=utc(until))
    assert found == utc(expected)
