"""Alternatives: each really fits, none leaves the residency, their order is one and the same."""

from collections.abc import Callable
from datetime import datetime, timedelta

from hypothesis import assume, given
from hypothesis import strategies as st

from portal.kernel.units import UnitStep
from portal.kernel.windows import FOREVER, MINUTE, Window
from quotas.domain.alternatives import MOST, alternatives, rank
from quotas.domain.availability import Room, fit, free_steps
from quotas.domain.ledger import Entry
from quotas.domain.options import Change, Option, Source, Wish
from quotas.domain.policy_rules import Outcome
from quotas.domain.residency import Place, Reach, why_barred
from quotas.domain.starts import FreeLine
from quotas.tests.factories import NOON

HOUR = timedelta(hours=1)
QUARTERS = timedelta(minutes=15)
ROOM = Room(100)
EVERYWHERE = Place("GlobalStandard", "eastus")


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


def entry(units: int, start: float, end: float) -> Entry:
    return Entry(1, units, Window(at(start), at(end)))


def source(
    entries: list[Entry],
    units: int = 40,
    *,
    key: int = 1,
    lead: timedelta = timedelta(0),
    until: datetime | None = None,
    frozen: tuple[Window, ...] = (),
    place: Place = EVERYWHERE,
    step: int = 1,
) -> Source:
    horizon = Window(NOON, until or at(200))
    line = FreeLine(free_steps(entries, ROOM, horizon), horizon, lead, frozen)
    return Source(key, units, UnitStep(step, step), line, place)


def wish(start: float = 10, end: float = 14, *, allowed: Reach = Reach.ANYWHERE) -> Wish:
    return Wish(Window(at(start), at(end)), allowed)


def by_people(option: Option) -> Outcome | None:
    return Outcome.STAGES


def found(
    asked: Wish, *sources: Source, judge: Callable[[Option], Outcome | None] = by_people
) -> list[tuple[set[str], int, float, float]]:
    """(changes, units, hours from noon to the start, to the end) in the order that is offered."""
    return [
        (set(o.changes), o.units, (o.window.start - NOON) / HOUR, (o.window.end - NOON) / HOUR)
        for o in alternatives(asked, sources, judge)
    ]


def test_a_full_pool_offers_less_shorter_earlier_and_later():
    full = source([entry(80, 12, 20)])
    assert found(wish(), full) == [
        ({"length"}, 40, 10, 12),
        ({"amount"}, 20, 10, 14),
        ({"window"}, 40, 8, 12),
        ({"window"}, 40, 0.25, 4.25),
        ({"window"}, 40, 20, 24),
    ]


def test_what_is_approved_at_once_comes_before_what_people_decide():
    def later_ones(option: Option) -> Outcome:
        return Outcome.AUTO if option.window.start >= at(20) else Outcome.STAGES

    first, *_ = found(wish(), source([entry(80, 12, 20)]), judge=later_ones)
    assert first == ({"window"}, 40, 20, 24)


def test_the_lead_is_kept_free_before_a_later_start():
    full = source([entry(100, 0, 20)], lead=timedelta(minutes=15))
    assert found(wish(), full) == [({"window"}, 40, 20.25, 24.25)]


def test_another_place_has_the_same_or_else_less_or_later():
    full = source([entry(100, 0, 200)])
    free, tight = source([], key=2), source([entry(90, 0, 20)], key=3)
    assert found(wish(), full, tight, free) == [
        ({"place"}, 40, 10, 14),
        ({"place", "amount"}, 10, 10, 14),
        ({"place", "window"}, 40, 20, 24),
    ]


def test_a_place_outside_the_residency_is_never_offered():
    full = source([entry(100, 0, 200)], place=Place("Standard", "westeurope"))
    abroad = source([], key=2, place=Place("GlobalStandard", "eastus"))
    assert found(wish(allowed=Reach.DATA_ZONE), full, abroad) == []
    within = source([], key=3, place=Place("DataZoneStandard", "swedencentral"))
    [only] = found(wish(allowed=Reach.DATA_ZONE), full, abroad, within)
    assert only == ({"place"}, 40, 10, 14)


def test_no_start_is_offered_inside_a_freeze_or_into_its_lead():
    frozen = (Window(at(9), at(12)),)
    free = source([], lead=HOUR, frozen=frozen)
    assert found(wish(), free) == [
        ({"window"}, 40, 9 - 1 / 60, 13 - 1 / 60),
        ({"window"}, 40, 13, 17),
        ({"window"}, 40, 0.25, 4.25),
    ]


def test_what_fits_and_is_refused_is_tried_with_notice_and_with_less():
    def only_tomorrow(option: Option) -> Outcome:
        return Outcome.DENY if option.window.start < at(24) else Outcome.AUTO

    assert found(wish(), source([]), judge=only_tomorrow)[0] == ({"window"}, 40, 34, 38)

    def only_less(option: Option) -> Outcome:
        return Outcome.DENY if option.units > 20 else Outcome.STAGES

    assert found(wish(), source([]), judge=only_less)[0] == ({"amount"}, 20, 10, 14)


def test_amounts_come_in_steps_of_the_model():
    assert found(wish(), source([entry(83, 9, 200)], step=5))[0] == ({"amount"}, 15, 10, 14)


def test_what_has_no_end_begins_later_or_is_less_and_never_shorter():
    endless = Wish(Window(at(10), FOREVER), Reach.ANYWHERE)
    full = source([entry(80, 0, 20), entry(30, 0, 9000)], until=FOREVER)
    assert [
        (set(o.changes), o.units, o.window) for o in alternatives(endless, [full], by_people)
    ] == [({"window"}, 40, Window(at(20), FOREVER))]


def test_an_extension_can_only_be_shorter():
    asked = Wish(Window(at(10), at(14)), Reach.ANYWHERE, may_move=False, may_shrink=False)
    assert found(asked, source([entry(80, 12, 20)])) == [({"length"}, 40, 10, 12)]


minutes = st.integers(0, 48 * 60)
entries_of_a_pool = st.lists(
    st.builds(
        lambda units, start, length: Entry(
            1, units, Window(NOON + start * MINUTE, NOON + (start + length) * MINUTE)
        ),
        st.integers(1, 100), minutes, st.integers(1, 24 * 60),
    ),
    max_size=8,
)  # fmt: skip
regions = st.sampled_from(["eastus", "westus", "swedencentral", "westeurope", "japaneast"])
places = st.builds(
    Place, st.sampled_from(["Standard", "DataZoneStandard", "GlobalStandard"]), regions
)
leads = st.sampled_from([timedelta(0), timedelta(minutes=15)])


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Wish, list[Source], dict[int, list[Entry]]]:
    start, length = draw(minutes), draw(st.integers(1, 12 * 60))
    window = Window(NOON + start * MINUTE, NOON + (start + length) * MINUTE)
    pools = {key: draw(entries_of_a_pool) for key in range(1, draw(st.integers(2, 5)))}
    home = tuple(draw(st.lists(regions, max_size=2)))
    sources = [
        Source(
            key, draw(st.integers(1, 100)), UnitStep(*[draw(st.sampled_from([1, 5]))] * 2),
            FreeLine(free_steps(rows, ROOM, far), far, draw(leads)), draw(places), home,
        )
        for far in [Window(NOON, NOON + 100 * HOUR)]
        for key, rows in pools.items()
    ]  # fmt: skip
    return Wish(window, draw(st.sampled_from(Reach))), sources, pools


def some_outcome(option: Option) -> Outcome:
    """Any judge will do that answers the same for the same."""
    return list(Outcome)[(option.units + option.window.start.minute + option.source) % 3]


@given(worlds())
def test_every_alternative_fits_at_every_instant_and_is_not_what_was_asked(world):
    asked, sources, pools = world
    by_key = {each.key: each for each in sources}
    for option in alternatives(asked, sources, by_people):
        of = by_key[option.source]
        taken = Window(max(option.window.start - of.line.lead, NOON), option.window.end)
        assert fit(pools[option.source], ROOM, taken, option.units).fits
        assert option.units % of.step.step == 0 or option.units == of.units
        assert (option.source, option.units, option.window) != (
            sources[0].key, sources[0].units, asked.window,
        )  # fmt: skip


@given(worlds())
def test_none_is_outside_the_residency(world):
    asked, sources, _ = world
    by_key = {each.key: each for each in sources}
    for option in alternatives(asked, sources, by_people):
        of = by_key[option.source]
        assert why_barred(asked.allowed, of.place, of.home) == ""


@given(worlds(), st.randoms())
def test_the_order_is_total_and_does_not_depend_on_the_order_of_the_places(world, chance):
    asked, sources, _ = world
    told = alternatives(asked, sources, some_outcome)
    ranks = [rank(option) for option in told]
    assert all(a < b for a, b in zip(ranks, ranks[1:], strict=False))
    others = sources[1:]
    chance.shuffle(others)
    assert alternatives(asked, [sources[0], *others], some_outcome) == told
    assert len(told) <= MOST
    assert all(option.outcome != Outcome.DENY for option in told)


@given(worlds())
def test_the_amount_is_the_largest_and_no_nearer_start_would_do(world):
    asked, sources, pools = world
    first = sources[0]
    assume(first.line.least(asked.window) < first.units)
    for option in alternatives(asked, [first], by_people):
        if option.changes == {Change.AMOUNT}:
            more = option.units + first.step.step
            taken = first.line.taken(option.window)
            assert more > first.units or not fit(pools[first.key], ROOM, taken, more).fits
    moved = [o for o in alternatives(asked, [first], by_people) if o.changes == {Change.WINDOW}]
    later = [o.window.start for o in moved if o.window.start > asked.window.start]
    if later:
        tried = asked.window.start + QUARTERS
        while tried < min(later):
            window = Window(tried, tried + asked.window.length)
            taken = first.line.taken(window)
            too_soon = tried <= NOON + QUARTERS
            assert too_soon or not fit(pools[first.key], ROOM, taken, first.units).fits
            tried += QUARTERS
