"""What loses when Azure lowers a limit: the latest approved first, and no more than must."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.windows import FOREVER, Window
from quotas.domain.at_risk import Claim, Risk, at_risk
from quotas.domain.ledger import Entry, units_at
from quotas.tests.factories import utc

BEGIN = utc("2026-03-02 00:00")
ALL = Window(BEGIN, FOREVER)


def at(hours: int) -> datetime:
    return BEGIN + timedelta(hours=hours)


def entry(units: int, start: int, end: int | None, kind: str = "burst") -> Entry:
    until = FOREVER if end is None else at(end)
    return Entry(1, units, Window(at(start), until), kind=kind)


def claim(number: int, held: Entry, *back: Entry, decided: int | None = None) -> Claim:
    return Claim(number, held, back, at(number if decided is None else decided))


def test_where_everything_fits_nothing_is_at_risk() -> None:
    assert at_risk([claim(1, entry(100, 0, None, "adopted"))], 100, ALL) == {}
    assert at_risk([], 0, ALL) == {}


def test_the_burst_that_was_approved_last_loses_first() -> None:
    claims = [
        claim(1, entry(100, 0, None, "adopted")),
        claim(2, entry(40, 10, 20), decided=2),
        claim(3, entry(40, 15, 25), decided=1),
    ]
    assert at_risk(claims, 150, ALL) == {2: Risk(30, Window(at(15), at(20)))}
    assert at_risk(claims, 120, ALL) == {
        2: Risk(40, Window(at(10), at(20))),
        3: Risk(20, Window(at(15), at(25))),
    }


def test_the_steady_need_loses_after_every_burst_and_hold() -> None:
    claims = [
        claim(1, entry(50, 0, None, "hold"), decided=0),
        claim(2, entry(50, 0, None, "burst"), decided=1),
        claim(3, entry(50, 0, None, "baseline"), decided=2),
    ]
    assert set(at_risk(claims, 100, ALL)) == {1}
    assert set(at_risk(claims, 50, ALL)) == {1, 2}
    assert set(at_risk(claims, 49, ALL)) == {1, 2, 3}


def test_what_was_given_back_neither_competes_nor_is_at_risk() -> None:
    back = entry(-40, 12, 20, "reversal")
    claims = [claim(1, entry(100, 0, None, "adopted")), claim(2, entry(40, 10, 20), back)]
    assert at_risk(claims, 120, ALL) == {2: Risk(20, Window(at(10), at(12)))}


def test_neighbours_that_meet_at_a_minute_do_not_compete() -> None:
    claims = [claim(1, entry(60, 0, 10)), claim(2, entry(60, 10, 20))]
    assert at_risk(claims, 60, ALL) == {}


windows = st.tuples(st.integers(0, 40), st.integers(1, 20))
claims_of = st.lists(
    st.tuples(windows, st.integers(1, 50), st.sampled_from(["adopted", "burst", "hold"])),
    max_size=12,
).map(
    lambda rows: [
        claim(number, entry(units, start, start + length, kind))
        for number, ((start, length), units, kind) in enumerate(rows)
    ]
)


@given(claims_of, st.integers(0, 150), st.randoms())
def test_i01_without_what_is_at_risk_the_rest_fits_at_every_instant(
    claims: list[Claim], available: int, random: object
) -> None:
    found = at_risk(claims, available, ALL)
    safe = [c.entry for c in claims if c.entry_id not in found]
    for hour in range(65):
        assert units_at(safe, at(hour)) <= available
        losers = [c.entry for c in claims if c.entry_id in found and at(hour) in c.entry.window]
        missing = _held(claims, hour) - available
        assert missing <= 0 or sum(e.units for e in losers) >= missing
    for risk in found.values():
        assert any(_held(claims, hour) > available for hour in range(65) if at(hour) in risk.window)
    shuffled = list(claims)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert at_risk(shuffled, available, ALL) == found


def _held(claims: list[Claim], hour: int) -> int:
    return units_at([c.entry for c in claims], at(hour))


@given(claims_of, st.integers(0, 150))
def test_nobody_loses_for_the_sake_of_what_was_approved_later(
    claims: list[Claim], available: int
) -> None:
    """Taking the last decision away changes no verdict on the others for the worse."""
    if not claims:
        return
    last = max(claims, key=lambda c: c.rank)
    before = at_risk(claims, available, ALL)
    after = at_risk([c for c in claims if c is not last], available, ALL)
    assert {k: r for k, r in before.items() if k != last.entry_id} == after


def test_what_is_missing_of_two_entries_of_one_grant_is_told_once() -> None:
    """Where Azure moved its quota meanwhile, a grant is held by one entry after another."""
    first = Risk(10, Window(utc("2026-03-02 10:00"), utc("2026-03-02 11:00")))
    second = Risk(20, Window(utc("2026-03-02 13:00"), utc("2026-03-02 15:00")))
    both = Risk(20, Window(utc("2026-03-02 10:00"), utc("2026-03-02 15:00")))
    assert first.beside(second) == second.beside(first) == both
