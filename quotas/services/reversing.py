"""Reversing entries: what is left of an entry is taken back, whole or in part, with a reason."""

from datetime import datetime

from django.db.models import QuerySet

from portal.kernel.windows import Window, floor_to_minute
from quotas.domain.ledger import pieces
from quotas.domain.taking import Held, Short, least_held, take
from quotas.models import CapacityRequest, Deployment, LedgerEntry
from quotas.selectors.rooms import entries_of
from quotas.services.refusals import in_people_units, refuse

STEADY = (LedgerEntry.Kind.ADOPTED, LedgerEntry.Kind.BASELINE)


def left_of(entry: LedgerEntry, window: Window) -> Held:
    """What earlier reversals left of the entry inside the window."""
    part = entry.window.clipped_to(window)
    if part is None:
        return []
    return [
        (piece, units)
        for piece, units in pieces(entries_of([entry, *entry.reversals.all()]), part)
        if units > 0
    ]


def reverse(
    entry: LedgerEntry,
    window: Window,
    units: int,
    *,
    request: CapacityRequest | None,
    reason: str,
    by_id: int | None,
    at: datetime,
) -> LedgerEntry:
    """One reversing entry: `units` less of it, all through the window."""
    return LedgerEntry.objects.create(
        pool_id=entry.pool_id,
        deployment_id=entry.deployment_id,
        service_id=entry.service_id,
        units=-units,
        effective_from=window.start,
        effective_until=window.end,
        kind=LedgerEntry.Kind.REVERSAL,
        request=request,
        reverses=entry,
        reason=reason[:200],
        recorded_at=at,
        recorded_by_id=by_id,
    )


def reverse_all(
    entry: LedgerEntry, *, since: datetime, reason: str, by_id: int | None, at: datetime
) -> list[LedgerEntry]:
    """Takes back everything that is left of the entry from `since` on. Empty when nothing is."""
    start = max(since, entry.effective_from)
    if start >= entry.effective_until:
        return []
    rest = left_of(entry, Window(start, entry.effective_until))
    facts = {"request": entry.request, "reason": reason, "by_id": by_id, "at": at}
    return [reverse(entry, window, units, **facts) for window, units in rest]  # type: ignore[arg-type]


def reverse_each(
    rows: QuerySet[LedgerEntry], *, reason: str, by_id: int | None, at: datetime
) -> int:
    """Locks the entries and takes back what is left of each from this minute on. Returns how many
    entries that wrote.
    """
    since = floor_to_minute(at)
    return sum(
        len(reverse_all(row, since=since, reason=reason, by_id=by_id, at=at))
        for row in rows.select_for_update()
    )


def steady_entries(deployment: Deployment, window: Window) -> list[LedgerEntry]:
    """The baseline of a deployment over the window, newest first, locked: two people who take from
    it do it one after the other.
    """
    found = LedgerEntry.objects.filter(deployment=deployment, kind__in=STEADY).touching(window)
    return list(found.order_by("-effective_from", "-pk").select_for_update())


def steady_units(deployment: Deployment, window: Window) -> int:
    """The baseline that is held at every instant of the window."""
    found = LedgerEntry.objects.filter(deployment=deployment, kind__in=STEADY).touching(window)
    return least_held([left_of(e, window) for e in found.prefetch_related("reversals")], window)


def take_from_baseline(
    deployment: Deployment,
    window: Window,
    units: int,
    *,
    request: CapacityRequest,
    reason: str,
    by_id: int | None,
    at: datetime,
) -> None:
    """Reverses `units` of the baseline over the window, the newest entries first.

    Raises DomainError where less is held; then nothing is written.
    """
    entries = steady_entries(deployment, window)
    parts = take([left_of(entry, window) for entry in entries], window, units)
    if isinstance(parts, Short):
        raise refuse(
            "not_held",
            f"{deployment} holds {in_people_units(deployment, parts.units)} as its baseline from "
            f"{parts.at:%a %d %b %H:%M} UTC on; {in_people_units(deployment, units)} cannot be "
            "taken from it. Nothing was written.",
        )
    for part in parts:
        reverse(
            entries[part.index],
            part.window,
            part.units,
            request=request,
            reason=reason,
            by_id=by_id,
            at=at,
        )


def release_holds(request: CapacityRequest, *, reason: str, by_id: int | None, at: datetime) -> int:
    """Gives back what was held for an offer. Returns how many holds there were."""
    holds = LedgerEntry.objects.filter(request=request, kind=LedgerEntry.Kind.HOLD)
    return reverse_each(holds, reason=reason, by_id=by_id, at=at)
