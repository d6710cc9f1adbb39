"""Who holds a pool over a window, as somebody may see it: one line for each service's steady need,
one for each burst and hold; what is small or another team's is put together.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Coalesce

from portal.kernel.windows import Window
from quotas.domain.calendar import peak
from quotas.domain.ledger import Entry
from quotas.models import LedgerEntry, Pool, Service
from quotas.selectors import words
from quotas.selectors.holdings import STEADY

MOST_SERVICES, MOST_BURSTS = 10, 16
NOT_MAPPED = "not mapped yet"


@dataclass(frozen=True)
class Holder:
    """Whose units, and of what: `kind` is steady, burst or hold. `merged` counts what was put
    together; 0: it is one. `service_id` None: not mapped, merged, or another team's.
    """

    kind: str
    service_id: int | None = None
    request_id: int | None = None
    is_hidden: bool = False
    merged: int = 0

    @property
    def is_steady(self) -> bool:
        return self.kind == "steady"


Held = dict[Holder, list[Entry]]


def held_in(pool: Pool, window: Window, *, sees: set[int] | None) -> Held:
    """By holder. A reversal counts with what it takes back. One query. `sees` None: everything."""
    rows = (
        LedgerEntry.objects.filter(pool=pool)
        .touching(window)
        .order_by()
        .values_list(
            "deployment_id",
            "units",
            "effective_from",
            "effective_until",
            Coalesce("reverses__service_id", "service_id"),
            Coalesce("reverses__kind", "kind"),
            Coalesce("reverses__request_id", "request_id"),
        )
    )
    found: Held = {}
    for deployment, units, start, until, service, kind, request in rows.iterator():
        entry = Entry(deployment, units, Window(start, until), service, kind, request)
        found.setdefault(_holder(entry, sees), []).append(entry)
    return {holder: entries for holder, entries in found.items() if peak(entries, window) > 0}


def _holder(entry: Entry, sees: set[int] | None) -> Holder:
    is_steady = entry.kind in STEADY
    if sees is not None and entry.service_id is not None and entry.service_id not in sees:
        return Holder("steady" if is_steady else "burst", is_hidden=True)
    if is_steady:
        return Holder("steady", entry.service_id)
    return Holder(entry.kind, entry.service_id, entry.request_id)


def largest(held: Held, window: Window) -> Held:
    """Bottom first: steady needs, the largest below, then bursts in the order of their start. What
    is beyond the most that a picture can hold is one holder of each kind.
    """
    steady = {h: e for h, e in held.items() if h.is_steady}
    bursts = {h: e for h, e in held.items() if not h.is_steady}
    few = _first(bursts, window, MOST_BURSTS, "burst")
    return _first(steady, window, MOST_SERVICES, "steady") | dict(
        sorted(few.items(), key=lambda each: (bool(each[0].merged), _starts_at(each[1])))
    )


def _first(held: Held, window: Window, most: int, kind: str) -> Held:
    order = sorted(held, key=lambda h: (h.is_hidden, -peak(held[h], window), _starts_at(held[h])))
    if len(order) <= most:
        return {holder: held[holder] for holder in order}
    kept, rest = order[: most - 1], order[most - 1 :]
    together = [entry for holder in rest for entry in held[holder]]
    return {holder: held[holder] for holder in kept} | {Holder(kind, merged=len(rest)): together}


def _starts_at(entries: Iterable[Entry]) -> datetime:
    return min(entry.window.start for entry in entries)


def names_of(held: Iterable[Holder]) -> Mapping[Holder, tuple[str, str]]:
    """Name and slug ("" where there is no page to lead to). One query."""
    holders = list(held)
    rows = Service.objects.filter(pk__in={h.service_id for h in holders if h.service_id})
    services = {pk: (name, slug) for pk, name, slug in rows.values_list("pk", "name", "slug")}
    return {holder: _name(holder, services) for holder in holders}


def _name(holder: Holder, services: Mapping[int, tuple[str, str]]) -> tuple[str, str]:
    if holder.merged:
        noun = "services" if holder.is_steady else "bursts"
        return f"{holder.merged} other {noun}", ""
    if holder.is_hidden:
        return words.ANOTHER_TEAM, ""
    return services[holder.service_id] if holder.service_id else (NOT_MAPPED, "")
