"""Which grants do not fit any more after Azure lowered a limit. Pure; computed, never stored.

What Azure can give in all is limit − what is allocated outside of Headroom: the reserve is ours to
keep free, not Azure's to refuse, so it protects grants here. At each instant at which more is held
than that, the latest approved lose first: holds, then bursts, then the steady need, in each the
last decision first, until the rest fits. Approved earlier is therefore never at risk for the sake
of what was approved later, and the answer does not depend on who asked, how much, or in which order
rows are read.
"""

from bisect import insort
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from portal.kernel.windows import Window
from quotas.domain.ledger import Entry, pieces

CLASSES = {"adopted": 0, "baseline": 0, "burst": 1, "hold": 2}  # the highest loses first


@dataclass(frozen=True)
class Claim:
    """An entry, what was taken back of it, and when it was decided."""

    entry_id: int
    entry: Entry
    reversals: tuple[Entry, ...]
    decided_at: datetime

    @property
    def rank(self) -> tuple[int, datetime, int]:
        return CLASSES.get(self.entry.kind, 0), self.decided_at, self.entry_id


@dataclass(frozen=True)
class Risk:
    """At most `units` of an entry are missing, first at `window.start`, last before its end."""

    units: int
    window: Window

    def and_then(self, units: int, until: datetime) -> "Risk":
        return Risk(max(self.units, units), Window(self.window.start, until))

    def beside(self, other: "Risk") -> "Risk":
        """Of another entry of the same grant: one is never in force beside the other."""
        start = min(self.window.start, other.window.start)
        end = max(self.window.end, other.window.end)
        return Risk(max(self.units, other.units), Window(start, end))


Edge = tuple[datetime, bool, tuple[int, datetime, int], int]


def at_risk(claims: Iterable[Claim], available_units: int, window: Window) -> dict[int, Risk]:
    """By entry id, over the window. Empty when all fits at every instant."""
    edges = sorted(_edges(claims, window))
    active: list[tuple[tuple[int, datetime, int], int]] = []
    found: dict[int, Risk] = {}
    held = 0
    untils = [*(edge[0] for edge in edges[1:]), window.end]
    for (at, begins, rank, units), until in zip(edges, untils, strict=False):
        if begins:
            insort(active, (rank, units))
        else:
            active.remove((rank, units))
        held += units if begins else -units
        if until > at and held > available_units:
            _mark(found, active, held - available_units, Window(at, until))
    return found


def _edges(claims: Iterable[Claim], window: Window) -> Iterable[Edge]:
    """Ends sort before beginnings of the same instant: windows are half-open."""
    for claim in claims:
        for part, units in pieces([claim.entry, *claim.reversals], window):
            if units > 0:
                yield part.start, True, claim.rank, units
                if part.end < window.end:
                    yield part.end, False, claim.rank, units


def _mark(
    found: dict[int, Risk],
    active: list[tuple[tuple[int, datetime, int], int]],
    missing: int,
    window: Window,
) -> None:
    for (_, _, entry_id), units in reversed(active):
        if missing <= 0:
            return
        short = min(missing, units)
        risk = found.get(entry_id)
        found[entry_id] = risk.and_then(short, window.end) if risk else Risk(short, window)
        missing -= units
