"""The final yes: under the pool's lock, every instant is checked once more and the ledger written.

Each kind of request has its own entries; all of them come of one call in one transaction, and what
no longer fits leaves nothing behind.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from portal.kernel.errors import DomainError
from portal.kernel.windows import FOREVER, Window, floor_to_minute
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service
from quotas.selectors.rooms import fit_in
from quotas.services.refusals import does_not_fit, refuse
from quotas.services.reversing import take_from_baseline
from quotas.services.stages import Spoken, check_chain

Kind = CapacityRequest.Kind


@dataclass(frozen=True)
class Grant:
    """What is to be written: the request, the terms all agreed to, and who gave the last yes."""

    request: CapacityRequest
    terms: Terms
    pool: Pool  # locked by the caller
    by_id: int | None
    at: datetime
    spoken: Sequence[Spoken] = ()  # every approval that stands, the last one with them

    @property
    def reason(self) -> str:
        return self.request.get_occasion_display() or self.request.get_kind_display()


def write(grant: Grant) -> Window:
    """Writes the entries of the grant; the window that the ledger holds.

    Raises DomainError: the chain is not complete (I5), it is too late, or it no longer fits, with
    the largest amount and the longest window that would (I1). Then nothing is written.
    """
    check_chain(grant.request, grant.spoken)
    if grant.terms.units < 0:
        return _less_baseline(grant)
    return _WRITERS[CapacityRequest.Kind(grant.request.kind)](grant)


def lead_of(request: CapacityRequest, pool: Pool) -> timedelta:
    """How long before its start its entry begins: an extension and a transfer begin to the minute,
    as the capacity is there already; a sandbox begins now, or goes on.
    """
    to_the_minute = (Kind.EXTENSION, Kind.TRANSFER, Kind.SANDBOX)
    is_there = request.kind in to_the_minute or request.units < 0
    return timedelta(0) if is_there else pool.lead


def granted_window(window: Window, lead: timedelta, at: datetime) -> Window:
    """[start − lead, end), never before this minute: what has passed cannot be granted."""
    if window.end <= at:
        raise DomainError(
            f"The window ended at {window.end:%a %d %b %H:%M} UTC; "
            "it is too late to approve it. Nothing was written. "
            "The requester can ask for a new window.",
            code="too_late",
        )
    return Window(max(window.start - lead, floor_to_minute(at)), window.end)


def enter(
    grant: Grant,
    deployment: Deployment,
    service: Service,
    window: Window,
    *,
    kind: str | None = None,
) -> LedgerEntry:
    """One entry of the grant: without an end it is a baseline, with one a burst."""
    lasting = LedgerEntry.Kind.BASELINE if window.end == FOREVER else LedgerEntry.Kind.BURST
    return LedgerEntry.objects.create(
        pool=grant.pool,
        deployment=deployment,
        service=service,
        units=grant.terms.units,
        effective_from=window.start,
        effective_until=window.end,
        kind=kind or lasting,
        request=grant.request,
        reason=grant.reason,
        recorded_at=grant.at,
        recorded_by_id=grant.by_id,
    )


def check_fit(deployment: Deployment, pool: Pool, window: Window, units: int) -> None:
    """Every instant of the window. Raises DomainError with what would fit."""
    found = fit_in(pool, window, units)
    if not found.fits:
        raise does_not_fit(deployment, found)


def _more(grant: Grant) -> Window:
    """A burst, or a higher baseline."""
    request = grant.request
    window = granted_window(grant.terms.window, lead_of(request, grant.pool), grant.at)
    check_fit(request.deployment, grant.pool, window, grant.terms.units)
    enter(grant, request.deployment, request.service, window)
    return window


def _longer(grant: Grant) -> Window:
    """An extension begins at the minute its grant ends, without a lead: Azure has it already."""
    request = grant.request
    check_still_held(request)
    window = granted_window(grant.terms.window, timedelta(0), grant.at)
    check_fit(request.deployment, grant.pool, window, grant.terms.units)
    enter(grant, request.deployment, request.service, window)
    return window


def check_still_held(request: CapacityRequest) -> None:
    """The grant that is to last longer holds as much at its end as was asked for. Raises
    DomainError: what was given back, or revoked, is not there to be extended.
    """
    parent = request.parent
    held = held_at_end(parent) if parent else 0
    if held < request.units:
        raise refuse(
            "nothing_to_extend",
            f"Request #{parent.pk if parent else '?'} holds {held:,} units at its end, and "
            f"{request.units:,} were to last longer. Ask for a new burst instead. "
            "Nothing was written.",
        )


def held_at_end(grant: CapacityRequest) -> int:
    """Units that the grant still holds in its last minute; 0 where nothing was granted."""
    end = granted_until(grant)
    return 0 if end is None else units_held(grant, end - timedelta(minutes=1))


def granted_until(grant: CapacityRequest) -> datetime | None:
    """When its capacity goes back by itself; an approval in part may have ended it earlier."""
    rows = _entries(grant).order_by("-effective_until")
    return rows.values_list("effective_until", flat=True).first()


def units_held(grant: CapacityRequest, at: datetime) -> int:
    """What the ledger holds of this grant at the moment, its reversals counted."""
    return sum(
        row.units
        for entry in _entries(grant).prefetch_related("reversals")
        for row in (entry, *entry.reversals.all())
        if at in row.window
    )


def _entries(grant: CapacityRequest) -> QuerySet[LedgerEntry]:
    return LedgerEntry.objects.filter(
        request=grant, kind__in=[LedgerEntry.Kind.BURST, LedgerEntry.Kind.BASELINE]
    )


def _moved(grant: Grant) -> Window:
    """A transfer: out of one deployment and into another at the same instant, in one pool. What the
    pool holds does not change, so nothing has to fit.
    """
    request = grant.request
    to, service = request.to_deployment, request.to_service
    if to is None or service is None or to.pool_id != grant.pool.pk:
        raise refuse(
            "other_pool",
            "The two deployments are no longer fed by the same pool, so capacity cannot move "
            "between them. Nothing was written; ask for a smaller and a larger baseline instead.",
        )
    window = granted_window(grant.terms.window, timedelta(0), grant.at)
    _take(grant, window, grant.terms.units, f"Transferred to {service.slug}.")
    enter(grant, to, service, window)
    return window


def _less_baseline(grant: Grant) -> Window:
    """A smaller baseline: reversing entries to its end. Giving back takes no room."""
    window = granted_window(grant.terms.window, timedelta(0), grant.at)
    _take(grant, window, -grant.terms.units, "A smaller baseline.")
    return window


def _take(grant: Grant, window: Window, units: int, reason: str) -> None:
    take_from_baseline(
        grant.request.deployment,
        window,
        units,
        request=grant.request,
        reason=reason,
        by_id=grant.by_id,
        at=grant.at,
    )


_WRITERS: dict[CapacityRequest.Kind, Callable[[Grant], Window]] = {
    Kind.BURST: _more,
    Kind.SANDBOX: _more,
    Kind.BASELINE: _more,
    Kind.EXTENSION: _longer,
    Kind.TRANSFER: _moved,
}
