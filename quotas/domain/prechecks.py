"""What would stop an edge of the ledger, said before it comes. Pure.

An edge is a moment at which the ledger wants something else of a deployment than just before. The
findings are those of the planner and of the applier, asked ten minutes early, so that a person
still has the time to do something about them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.windows import Window
from quotas.domain.ledger import Entry, steps_over
from quotas.domain.plan import DRIFT, Standing, planned, why_ask

AHEAD = timedelta(minutes=10)
INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class Edge:
    """`requests` are those whose entries begin or end at that moment."""

    deployment_id: int
    at: datetime
    from_units: int
    to_units: int
    requests: tuple[int, ...] = ()

    @property
    def is_start(self) -> bool:
        return self.to_units > self.from_units

    @property
    def word(self) -> str:
        return "start" if self.is_start else "end"


@dataclass(frozen=True)
class Finding:
    code: str
    sentence: str


@dataclass(frozen=True)
class EdgeFacts:
    """What is known of an edge's deployment and pool before it comes.

    `standing` is as the planner will see it at the edge, with what Azure has now. `short_units` are
    missing in the pool for all that is wanted then, and `refused` says why Azure lets nobody write
    to the account; "" where it does. `held` says why Headroom itself would hold it back: a freeze,
    or the kill switch. `busy_since`: another write is out to the account so long.
    """

    edge: Edge
    standing: Standing
    provisioning_state: str
    same_sku: bool = True
    short_units: int = 0
    refused: str = ""
    held: str = ""
    busy_since: datetime | None = None
    no_capacity: str = ""  # why Azure itself could not give it, though the quota is there


def edges_in(entries: Iterable[Entry], window: Window) -> list[Edge]:
    """The edges after the window's start, up to its end and with it; the earliest first.

    Net of what meets at one instant: a burst that is followed by its extension has no edge there.
    """
    by_deployment: dict[int, list[Entry]] = {}
    for entry in entries:
        by_deployment.setdefault(entry.deployment_id, []).append(entry)
    found = [edge for mine in by_deployment.values() for edge in _edges(mine, window)]
    return sorted(found, key=lambda edge: (edge.at, edge.deployment_id))


def _edges(entries: list[Entry], window: Window) -> Iterator[Edge]:
    steps = steps_over(entries, Window(window.start, window.end + INSTANT))
    for before, after in zip(steps, steps[1:], strict=False):
        yield Edge(
            entries[0].deployment_id,
            after.at,
            before.units,
            after.units,
            tuple(sorted({e.request_id for e in entries if e.request_id and _meets(e, after.at)})),
        )


def _meets(entry: Entry, at: datetime) -> bool:
    return at in (entry.window.start, entry.window.end)


def findings(facts: EdgeFacts) -> list[Finding]:
    """What would stop the edge; nothing where Azure has what it leads to already."""
    standing, edge = facts.standing, facts.edge
    if standing.actual_units == edge.to_units:
        return []
    return [
        finding
        for finding in (
            _held(facts),
            _asks(standing, edge),
            *_azure(facts),
            _room(facts),
            _capacity(facts),
        )
        if finding is not None
    ]


def _held(facts: EdgeFacts) -> Finding | None:
    return Finding("held", facts.held) if facts.held else None


def _asks(standing: Standing, edge: Edge) -> Finding | None:
    why, now = why_ask(standing), planned(standing)
    if not now.needs_yes and now.from_units - now.to_units >= edge.from_units - edge.to_units:
        return None  # this end comes through; what waited for a yes before it goes on waiting
    if why == DRIFT:
        return Finding(
            "drift",
            f"Azure has {standing.actual_units:,} units of it, which nobody asked Headroom for: "
            f"somebody changed it elsewhere. Adopt that or write the ledger's capacity back, or "
            f"the {edge.word} waits for it.",
        )
    return Finding("needs_yes", why) if why else None


def _azure(facts: EdgeFacts) -> Iterator[Finding]:
    if facts.refused:
        yield Finding("refused", facts.refused)
    if not facts.same_sku:
        yield Finding(
            "other_sku",
            "Its SKU was changed in Azure a moment ago; Headroom changes capacity only, and waits "
            "until the inventory has been read again.",
        )
    if facts.provisioning_state.lower() != "succeeded":
        yield Finding(
            "not_ready",
            f"Azure is still at work on it: it says “{facts.provisioning_state}”. Nothing is "
            "written to it before that has ended; if it lasts, look at it in the Azure portal.",
        )
    if facts.busy_since:
        yield Finding(
            "account_busy",
            f"Another change of its account has been out since {facts.busy_since:%H:%M} UTC, and "
            "Azure takes one at a time. Look at that one on the page of changes.",
        )


def _capacity(facts: EdgeFacts) -> Finding | None:
    """Where the quota is short as well, that comes first and is said alone."""
    if not facts.no_capacity or facts.short_units > 0:
        return None
    return Finding("no_capacity", facts.no_capacity)


def _room(facts: EdgeFacts) -> Finding | None:
    if not (facts.edge.is_start and facts.short_units > 0):
        return None
    return Finding(
        "no_room",
        f"The pool is {facts.short_units:,} units short for all that is promised then: Azure "
        "lowered its limit, quota was taken outside, or other deployments still have more than "
        "they should. Ask Azure for quota, or end another grant.",
    )
