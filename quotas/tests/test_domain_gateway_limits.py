"""What each service may use of a shared deployment, from the ledger and the split rule."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.windows import FOREVER, Window
from quotas.domain.gateway_limits import MOST_TOKENS, Book, Held, Shares
from quotas.tests.factories import utc

ADA, BEN, HOLDER = 1, 2, 9
DAY = Window(utc("2026-03-03 00:00"), FOREVER)


def at(hour: int) -> datetime:
    return utc(f"2026-03-03 {hour:02}:00")


def baseline(units: int, service: int | None = HOLDER, root: int = 1) -> Held:
    return Held(root, service, units, DAY, is_steady=True, began_at=DAY.start)


def burst(units: int, start: int, end: int, service: int | None = HOLDER, *, root: int = 2) -> Held:
    window = Window(at(start), at(end))
    return Held(root, service, units, window, is_steady=False, began_at=at(start))


def back(of: Held, units: int, since: int) -> Held:
    window = Window(at(since), of.window.end)
    return Held(of.root, of.service_id, -units, window, of.is_steady, of.began_at)


def book(*held: Held, shares: dict[int, int] | None = None, window: Window = DAY) -> Book:
    rules = [Shares(window, shares)] if shares else []
    return Book(held, rules, HOLDER, tokens_per_unit=1000)


HALVES = {ADA: 6000, BEN: 4000}


def test_what_the_deployments_own_service_holds_is_divided_by_the_split_rule() -> None:
    found = book(baseline(110), shares=HALVES).limits(at(9), deployed_units=110)
    assert found == {ADA: 66_000, BEN: 44_000}


def test_what_another_service_holds_is_its_own_on_top() -> None:
    shared = book(baseline(100), burst(50, 10, 12, ADA), shares=HALVES)
    assert shared.limits(at(9), deployed_units=100) == {ADA: 60_000, BEN: 40_000}
    assert shared.limits(at(10), deployed_units=150) == {ADA: 110_000, BEN: 40_000}
    assert shared.limits(at(12), deployed_units=150) == {ADA: 60_000, BEN: 40_000}


def test_without_a_rule_each_has_what_it_holds_and_nobodys_is_nobodys() -> None:
    found = book(baseline(40), baseline(10, None, root=2), baseline(5, ADA, root=3))
    assert found.limits(at(9), deployed_units=55) == {ADA: 5_000, HOLDER: 40_000}


def test_a_burst_that_is_not_up_yet_takes_nothing_from_others() -> None:
    shared = book(baseline(100), burst(50, 10, 12, ADA), shares=HALVES)
    assert shared.limits(at(10), deployed_units=100) == {ADA: 60_000, BEN: 40_000}
    assert shared.limits(at(10), deployed_units=120) == {ADA: 80_000, BEN: 40_000}
    assert shared.limits(at(10), deployed_units=0) == {}


def test_what_was_given_back_early_is_over_at_that_minute() -> None:
    event = burst(50, 10, 12, ADA)
    shared = book(baseline(100), event, back(event, 50, 11), shares=HALVES)
    assert shared.limits(at(11), deployed_units=150) == {ADA: 60_000, BEN: 40_000}


def test_the_next_edge_of_each_service_is_known() -> None:
    shared = book(baseline(100), burst(50, 10, 12, ADA), shares=HALVES)
    assert shared.next_of(at(9)) == {ADA: (at(10), 110_000)}
    assert shared.next_of(at(11)) == {ADA: (at(12), 60_000)}
    ending = book(baseline(100), shares=HALVES, window=Window(DAY.start, at(15)))
    assert ending.next_of(at(12)) == {
        ADA: (at(15), 0),
        BEN: (at(15), 0),
        HOLDER: (at(15), 100_000),
    }


def test_in_a_freeze_starts_and_baselines_wait_and_ends_go_through() -> None:
    before, inside = burst(50, 8, 12, ADA), burst(20, 11, 14, BEN, root=3)
    shrunk = baseline(100)
    shared = book(shrunk, back(shrunk, 40, 11), before, inside, shares=HALVES)
    frozen = {"deployed_units": 150, "frozen_since": at(10)}
    assert shared.limits(at(11), **frozen) == {ADA: 110_000, BEN: 40_000}
    assert shared.limits(at(12), **frozen) == {ADA: 60_000, BEN: 40_000}
    given_back = book(shrunk, before, back(before, 50, 11), shares=HALVES)
    assert given_back.limits(at(11), **frozen) == {ADA: 60_000, BEN: 40_000}
    # The rule of before the freeze divides it too.
    rules = [
        Shares(Window(DAY.start, at(11)), HALVES),
        Shares(Window(at(11), FOREVER), {BEN: 10_000}),
    ]
    changed = Book([baseline(100)], rules, HOLDER, 1000)
    assert changed.limits(at(11), **frozen) == {ADA: 60_000, BEN: 40_000}


def test_a_limit_is_no_more_than_a_policy_takes() -> None:
    found = book(baseline(3_000_000), shares={ADA: 10_000}).limits(at(9), deployed_units=None)
    assert found == {ADA: MOST_TOKENS}


hours = st.tuples(st.integers(0, 22), st.integers(1, 23)).filter(lambda pair: pair[0] < pair[1])


@st.composite
def books(draw: st.DrawFn) -> Book:
    held = []
    for root in range(draw(st.integers(0, 5))):
        service = draw(st.sampled_from([ADA, BEN, HOLDER, None]))
        entry = burst(draw(st.integers(1, 90)), *draw(hours), service, root=root)
        held.append(entry)
        if draw(st.booleans()):
            since = (entry.began_at + timedelta(minutes=30)).hour
            held.append(back(entry, draw(st.integers(1, entry.units)), since))
    part = draw(st.integers(1, 9_999))
    shares = [Shares(Window(at(6), at(18)), {ADA: part, BEN: 10_000 - part})]
    rate = draw(st.integers(1, 6_000))
    return Book(held, shares if draw(st.booleans()) else [], HOLDER, rate)


@given(books(), st.integers(0, 23), st.integers(0, 300), st.none() | st.integers(0, 23))
def test_the_limits_are_never_more_than_what_is_deployed_or_held(
    made: Book, hour: int, deployed: int, since: int | None
) -> None:
    frozen = at(since) if since is not None and since <= hour else None
    found = made.limits(at(hour), deployed_units=deployed, frozen_since=frozen)
    assert sum(found.values()) <= deployed * made.tokens_per_unit
    held = sum(each.units for each in made.held if at(hour) in each.window)
    free = made.limits(at(hour), deployed_units=None)
    assert sum(free.values()) <= held * made.tokens_per_unit
    assert all(limit > 0 for limit in found.values())


@given(books(), st.integers(0, 22))
def test_between_two_edges_nothing_changes(made: Book, hour: int) -> None:
    nearest = min(made.moments_after(at(hour)), default=at(23))
    just_before = nearest - timedelta(minutes=1)
    now = made.limits(at(hour), deployed_units=None)
    if just_before > at(hour):
        assert made.limits(just_before, deployed_units=None) == now
    for service, (moment, limit) in made.next_of(at(hour)).items():
        assert made.limits(moment, deployed_units=None).get(service, 0) == limit
        assert limit != now.get(service, 0)
