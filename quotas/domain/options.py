"""What could be asked of one deployment instead of what was asked: options, in no order. Pure.

From the deployment that was asked of: another window of the same length (the earliest, and the
nearest before and after), less over the same window, the same for shorter. From another one: the
same; less or later only where the same does not fit there. Each fits at every instant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from fractions import Fraction

from portal.kernel.units import UnitStep
from portal.kernel.windows import FOREVER, MINUTE, Window
from quotas.domain.policy_rules import Outcome
from quotas.domain.residency import Place, Reach
from quotas.domain.starts import FreeLine

QUARTER = timedelta(minutes=15)
# Where it fits and the policy refuses it, these are tried: a rule may ask for notice, or for less.
DAYS_LATER = (1, 2, 3, 7)
SHARES = (Fraction(3, 4), Fraction(1, 2), Fraction(1, 4))


class Change(StrEnum):
    WINDOW = "window"
    LENGTH = "length"
    AMOUNT = "amount"
    PLACE = "place"


@dataclass(frozen=True)
class Source:
    """A deployment that could take it. `units` give there what is asked; `home` are the regions of
    the service's other deployments, by which its residency is judged.
    """

    key: int
    units: int
    step: UnitStep  # of what is added
    line: FreeLine
    place: Place
    home: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What was asked, of the first of the sources. `may_move` and `may_shrink`: an extension can
    only be shorter.
    """

    window: Window  # as people see it
    allowed: Reach
    may_move: bool = True
    may_shrink: bool = True

    @property
    def length(self) -> timedelta | None:
        return None if self.window.end == FOREVER else self.window.length


@dataclass(frozen=True)
class Option:
    """One alternative. `outcome` None: what the policy says of it is not known yet."""

    source: int
    units: int
    window: Window
    changes: frozenset[Change]
    delay: timedelta  # between the starts, later or earlier
    cut: Fraction  # of what was asked, in unit-minutes
    outcome: Outcome | None = None


def options(wish: Wish, source: Source, *, is_asked: bool) -> Iterator[Option]:
    """`is_asked`: the deployment that was asked of. May name the same twice."""
    return _here(wish, source) if is_asked else _elsewhere(wish, source)


def _here(wish: Wish, source: Source) -> Iterator[Option]:
    line, asked = source.line, wish.window
    fits = line.least(asked) >= source.units
    if fits and not line.is_frozen(asked.start):
        yield from _tries(wish, source)
        return
    if wish.may_move:
        yield from _other_windows(wish, source)
    if not line.is_frozen(asked.start) or not wish.may_move:
        yield from _less(wish, source)
        yield from _shorter(wish, source)


def _elsewhere(wish: Wish, source: Source) -> Iterator[Option]:
    line, asked = source.line, wish.window
    if line.least(asked) >= source.units and not line.is_frozen(asked.start):
        yield _option(wish, source, source.units, asked, Change.PLACE)
        return
    if not line.is_frozen(asked.start):
        yield from _less(wish, source, Change.PLACE)
    yield from _other_windows(wish, source, Change.PLACE)


def _other_windows(wish: Wish, source: Source, *also: Change) -> Iterator[Option]:
    """The earliest, and the nearest before and after what was asked. None begins before the next
    quarter of an hour, so that there is time to send it.
    """
    soonest = _next_quarter(source.line.window.start)
    ranges = source.line.starts(source.units, wish.length)
    open_ones = [(max(first, soonest), last) for first, last in ranges if last >= soonest]
    asked = wish.window.start
    nearest = [
        *(first for first, _ in open_ones[:1]),
        *([last for _, last in open_ones if last < asked][-1:]),
        *([first for first, _ in open_ones if first > asked][:1]),
    ]
    for start in nearest:
        if start != asked:
            moved = _moved(wish, start)
            yield _option(wish, source, source.units, moved, Change.WINDOW, *also)


def _less(wish: Wish, source: Source, *also: Change) -> Iterator[Option]:
    units = source.step.at_most(source.line.least(wish.window))
    if wish.may_shrink and 0 < units < source.units:
        yield _option(wish, source, units, wish.window, Change.AMOUNT, *also)


def _shorter(wish: Wish, source: Source) -> Iterator[Option]:
    full_at = source.line.full_at(wish.window, source.units)
    if full_at and wish.length and full_at > wish.window.start:
        window = Window(wish.window.start, full_at)
        yield _option(wish, source, source.units, window, Change.LENGTH)


def _tries(wish: Wish, source: Source) -> Iterator[Option]:
    """It fits, and the policy says no."""
    if wish.may_move:
        for days in DAYS_LATER:
            moved = _moved(wish, wish.window.start + timedelta(days=days))
            is_free = source.line.least(moved) >= source.units
            if is_free and not source.line.is_frozen(moved.start):
                yield _option(wish, source, source.units, moved, Change.WINDOW)
    for share in SHARES if wish.may_shrink else ():
        if units := source.step.at_most(int(source.units * share)):
            yield _option(wish, source, units, wish.window, Change.AMOUNT)


def _moved(wish: Wish, start: datetime) -> Window:
    return Window(start, FOREVER if wish.length is None else start + wish.length)


def _option(wish: Wish, source: Source, units: int, window: Window, *changes: Change) -> Option:
    asked = wish.window
    minutes = Fraction(1) if wish.length is None else _share(window, asked)
    return Option(
        source=source.key,
        units=units,
        window=window,
        changes=frozenset(changes),
        delay=abs(window.start - asked.start),
        cut=1 - Fraction(units, source.units) * minutes,
    )


def _share(window: Window, of: Window) -> Fraction:
    return Fraction(window.length // MINUTE, of.length // MINUTE)


def _next_quarter(at: datetime) -> datetime:
    """The first one that is at least a minute away."""
    over = (at - datetime.min.replace(tzinfo=at.tzinfo)) % QUARTER
    start = at - over + QUARTER
    return start if start - at > MINUTE else start + QUARTER
