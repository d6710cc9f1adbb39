"""Ledger arithmetic and availability: the invariants about time and sums."""

from datetime import datetime, timedelta
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.windows import FOREVER, Window
from quotas.domain.availability import Room, fit, free_steps
from quotas.domain.ledger import Entry, desired_units, steps_over, units_at
from quotas.tests.factories import utc

DAY = utc("2026-03-02 00:00")


def at(minute: int) -> datetime:
    return DAY + timedelta(minutes=minute)


windows = st.tuples(st.integers(0, 200), st.integers(1, 100)).map(
    lambda pair: Window(at(pair[0]), at(pair[0] + pair[1]))
)
entries = st.builds(
    Entry,
    deployment_id=st.integers(1, 3),
    units=st.integers(1, 50),
    window=windows,
)


@given(st.lists(entries, max_size=12), st.integers(-5, 320))
def test_i02_windows_are_half_open(found: list[Entry], minute: int) -> None:
    expected = sum(e.units for e in found if e.window.start <= at(minute) < e.window.end)
    assert units_at(found, at(minute)) == expected


def test_i02_neighbours_neither_overlap_nor_leave_a_gap() -> None:
    first = Entry(1, 30, Window(at(0), at(60)))
    second = Entry(1, 30, Window(at(60), at(120)))
    steps = steps_over([first, second], Window(at(0), at(120)))
    assert [(s.at, s.units) for s in steps] == [(at(0), 30)]


@given(st.lists(entries, min_size=1, max_size=5), st.integers(0, 300))
def test_i03_desired_does_not_depend_on_the_order_of_events(
    found: list[Entry], minute: int
) -> None:
    answers = {
        tuple(sorted(desired_units(order, at(minute)).items())) for order in permutations(found)
    }
    assert len(answers) == 1


@given(entries, entries, st.integers(0, 300))
def test_i04_ending_one_of_two_overlapping_bursts_leaves_the_other_whole(
    one: Entry, other: Entry, minute: int
) -> None:
    ended = Entry(one.deployment_id, -one.units, one.window, kind="reversal")
    left = units_at([one, other, ended], at(minute))
    assert left == units_at([other], at(minute))


@given(st.lists(entries, max_size=10), windows)
def test_steps_say_what_every_minute_says(found: list[Entry], window: Window) -> None:
    steps = steps_over(found, window)
    assert steps[0].at == window.start
    minutes = (window.end - window.start) // timedelta(minutes=1)
    for minute in range(minutes):
        moment = window.start + timedelta(minutes=minute)
        last = [s for s in steps if s.at <= moment][-1]
        assert last.units == units_at(found, moment)


@given(st.lists(entries, max_size=10), windows, st.integers(1, 80), st.integers(0, 120))
def test_i01_what_fits_never_exceeds_the_room_at_any_minute(
    found: list[Entry], window: Window, units: int, limit: int
) -> None:
    room = Room(limit, reserve_units=10, outside_units=5)
    answer = fit(found, room, window, units)
    minutes = (window.end - window.start) // timedelta(minutes=1)
    held = [units_at(found, window.start + timedelta(minutes=m)) for m in range(minutes)]
    assert answer.fits == (max(held) + units <= room.units)
    assert answer.largest_units == max(0, room.units - max(held))
    if answer.longest is not None:
        until = (answer.longest.end - window.start) // timedelta(minutes=1)
        assert all(h + units <= room.units for h in held[:until])
        assert until == minutes or held[until] + units > room.units
    else:
        assert held[0] + units > room.units


def test_room_is_never_below_nought() -> None:
    assert Room(10, reserve_units=20).units == 0


def test_the_free_line_goes_below_nought_where_azure_lowered_the_limit() -> None:
    held = Entry(1, 100, Window(at(0), FOREVER))
    assert free_steps([held], Room(60), Window(at(0), at(10)))[0].units == -40
