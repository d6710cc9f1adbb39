"""Stacks over time: they add up, lose no peak, and cost what the window costs."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from portal.kernel.stacked import Canvas, Slab
from portal.kernel.windows import HOUR, Window
from quotas.domain.calendar import Bounds, Lines, moments, stack
from quotas.domain.ledger import Entry, Step, steps_over, units_at
from quotas.tests.factories import utc

START = utc("2026-03-02 00:00")
DAY = Window(START, START + timedelta(days=1))


def entry(start: float, end: float, units: int) -> Entry:
    """Hours from the start of the day; may lie outside of it."""
    return Entry(1, units, Window(START + start * HOUR, START + end * HOUR))


entries = st.builds(
    lambda start, hours, units: entry(start, start + hours, units),
    st.integers(-5, 26),
    st.integers(1, 30),
    st.integers(1, 50),
)
holders = st.lists(st.lists(entries, max_size=6), min_size=1, max_size=5)


@given(held=holders, most=st.integers(1, 60))
def test_columns_follow_one_another_add_up_and_keep_the_peak(
    held: list[list[Entry]], most: int
) -> None:
    found = stack(held, DAY, most_columns=most)
    windows = [column.window for column in found.columns]
    assert windows[0].start == DAY.start
    assert windows[-1].end == DAY.end
    assert all(a.end == b.start for a, b in zip(windows, windows[1:], strict=False))
    flat = [each for part in held for each in part]
    assert max(c.held for c in found.columns) == max(s.units for s in steps_over(flat, DAY))
    for column in found.columns:
        assert column.held == max(s.units for s in steps_over(flat, column.window))
        if found.is_exact:
            at = column.window.start
            assert column.levels == tuple(units_at(part, at) for part in held)


@given(held=st.lists(entries, max_size=8), limit=st.integers(0, 100), moves=st.integers(0, 20))
def test_free_at_each_moment_is_the_room_less_what_is_held(
    held: list[Entry], limit: int, moves: int
) -> None:
    lines = Lines(
        limit=[Step(START, limit), Step(START + moves * HOUR, limit + 7)],
        outside=[Step(START, 3)],
        reserve=[Step(START, 5)],
    )
    found = moments(held, lines, DAY)
    assert found[0].at == DAY.start
    for each in found:
        now = limit + 7 if each.at >= START + moves * HOUR else limit
        assert each.bounds == Bounds(now, 3, 5)
        assert each.free == now - 8 - units_at(held, each.at)
        assert each.is_over == (units_at(held, each.at) > now - 3)


def test_before_azure_told_a_limit_nothing_is_known_to_be_free() -> None:
    lines = Lines(limit=[Step(START + HOUR, 10)], outside=[], reserve=[Step(START, 1)])
    assert [each.free for each in moments([entry(0, 24, 4)], lines, DAY)] == [None, 5]


def test_an_area_is_one_outline_of_touching_slabs_and_leaves_gaps_out() -> None:
    def hours(start: int, end: int) -> Window:
        return Window(START + start * HOUR, START + end * HOUR)

    canvas = Canvas(DAY, height=100, top=10)
    slabs = [Slab(hours(0, 6), 0, 5), Slab(hours(6, 12), 0, 5), Slab(hours(12, 18), 2, 2)]
    assert canvas.area(slabs) == "M0 100V50H500V100H0Z"
    assert canvas.area([Slab(hours(0, 12), 0, 5), Slab(hours(18, 24), 5, 10)]) == (
        "M0 100V50H500V100H0ZM750 50V0H1000V50H750Z"
    )


def test_a_line_breaks_where_nothing_is_known() -> None:
    canvas = Canvas(DAY, height=100, top=10)
    steps = [(START, None), (START + 6 * HOUR, 5.0), (START + 12 * HOUR, 10.0)]
    assert canvas.line(steps, DAY.end) == "M250 50H500V0H1000"
