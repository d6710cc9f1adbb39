"""When an amount could begin so that it fits for a whole length: ranges of starts. Pure.

Both ends of a range are starts that do. A start at `s` takes room over `[max(s − lead, at),
s + length)`, as the ledger's entry does; it is held back by a freeze that lasts at `s`, or into the
lead before it, as `quotas.selectors.freezes` says.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.windows import FOREVER, MINUTE, Window
from quotas.domain.ledger import Step, pieces_of

Range = tuple[datetime, datetime]


@dataclass(frozen=True)
class FreeLine:
    """The free units of a pool from `window.start`, which is this minute, to its end. They may be
    below nought. `frozen` are windows in which nothing shall start.
    """

    steps: Sequence[Step]
    window: Window
    lead: timedelta = timedelta(0)
    frozen: Sequence[Window] = ()

    def taken(self, shown: Window) -> Window:
        """What the ledger would hold for a window as people see it."""
        return Window(max(shown.start - self.lead, self.window.start), shown.end)

    def least(self, shown: Window) -> int:
        """The units that are free all through; 0 for a window that the line does not cover."""
        taken = self.taken(shown)
        if not self.window.holds(taken):
            return 0
        return min(units for piece, units in self._pieces() if piece.overlaps(taken))

    def full_at(self, shown: Window, units: int) -> datetime | None:
        """The first moment of the window at which fewer are free; None where there is none."""
        taken = self.taken(shown)
        pieces = (p for p, free in self._pieces() if free < units and p.overlaps(taken))
        return next((max(piece.start, taken.start) for piece in pieces), None)

    def is_frozen(self, start: datetime) -> bool:
        return any(f.start <= start < f.end + self.lead for f in self.frozen)

    def starts(self, units: int, length: timedelta | None) -> list[Range]:
        """Earliest first, without overlap; `length` None: for ever."""
        found = [r for piece in self._enough(units) if (r := self._of(piece, length))]
        for freeze in self.frozen:
            held_back = (freeze.start, freeze.end + self.lead)
            found = [part for each in found for part in _without(each, held_back)]
        return found

    def _of(self, piece: Window, length: timedelta | None) -> Range | None:
        is_open = piece.start <= self.window.start
        first = self.window.start if is_open else piece.start + self.lead
        if length is None:
            return (first, FOREVER - MINUTE) if piece.end == FOREVER > first else None
        last = piece.end - length
        return (first, last) if first <= last else None

    def _enough(self, units: int) -> Iterator[Window]:
        """The stretches over which so many are free, neighbours joined."""
        start = None
        for piece, free in self._pieces():
            if free >= units and start is None:
                start = piece.start
            if free < units and start is not None:
                yield Window(start, piece.start)
                start = None
        if start is not None:
            yield Window(start, self.window.end)

    def _pieces(self) -> list[tuple[Window, int]]:
        return pieces_of(self.steps, self.window.end)


def _without(each: Range, held_back: Range) -> Iterable[Range]:
    first, last = each
    begins, ends = held_back  # half-open
    if first < begins:
        yield first, min(last, begins - MINUTE)
    if last >= ends:
        yield max(first, ends), last
