"""The terms of a grant: how much, over which window. What narrows them and what widens. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from portal.kernel.windows import Window


@dataclass(frozen=True)
class Terms:
    """`units` on top, all through the half-open `window`. Units are negative where less is kept."""

    units: int
    window: Window


def lies_inside(part: Terms, asked: Terms) -> bool:
    """I7: no more units, at no other time. The whole lies inside itself."""
    return 0 < part.units <= asked.units and asked.window.holds(part.window)


def narrowed(asked: Terms, approved: Iterable[Terms]) -> Terms | None:
    """What all who approved agreed to: the least of them, while all of them hold.

    None where no minute is common to them.
    """
    units, window = asked.units, asked.window
    for part in approved:
        common = window.clipped_to(part.window)
        if common is None:
            return None
        units, window = min(units, part.units), common
    return Terms(units, window)


def raises_risk(old: Terms, new: Terms) -> bool:
    """I15: whether `new` could take anything that `old` could not: more units, or another minute.

    Cost grows with units and with minutes and with nothing else here, so it needs no test of its
    own. A change of fewer units into more kept (a smaller baseline that shrinks less) raises too.
    """
    return new.units > old.units or not old.window.holds(new.window)
