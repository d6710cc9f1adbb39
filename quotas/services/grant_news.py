"""Lasting changes and transfers: told once each when Azure was read back with them, and when they
are not there although they should be.

A change without an end is there when every deployment that it concerns has what the ledger wants,
or was read back with it at some time since the change began. A run looks at what is so now and at
what was told before, so it may be late, or run twice. What began longer than LOOK_BACK ago is
history and told no more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from portal.kernel.windows import MINUTE
from portal.models import Notice
from portal.outbox import Event, tell
from quotas.domain.states import RequestState
from quotas.models import NEVER_THERE, CapacityRequest, Change, Deployment, LedgerEntry
from quotas.selectors import words
from quotas.selectors.grants import is_written, newest_changes, why_not
from quotas.selectors.people import holders_of, owners_of

Kind = CapacityRequest.Kind
LASTING = (Kind.BASELINE, Kind.TRANSFER)
LOOK_BACK = timedelta(days=7)
# Azure may take a while at the start; after this somebody wants to know.
GRACE = 5 * MINUTE


@dataclass(frozen=True)
class _Azure:
    """What is known of the deployments that the changes concern, each read with one query."""

    entries: dict[int, list[LedgerEntry]]  # by request id
    wanted: dict[int, int]  # by deployment id, units
    open_changes: dict[int, Change]
    verified_at: dict[int, datetime]


def tell_of_lasting(*, at: datetime) -> int:
    """Tells what is new of lasting changes around `at`. Returns how many events were told."""
    requests = list(_around(at))
    told = _told_of(requests)
    news = [r for r in requests if Event.GRANT_APPLIED not in told.get(r.pk, ())]
    if not news:
        return 0
    azure = _read(news, at=at)
    return sum(_tell_of(request, azure, told.get(request.pk, ()), at=at) for request in news)


def next_moment(*, after: datetime) -> datetime | None:
    """The next moment at which time alone may make news, for the stepper."""
    moments = (request.starts_at + GRACE for request in _around(after))
    return min((moment for moment in moments if moment > after), default=None)


def _around(at: datetime) -> Iterable[CapacityRequest]:
    rows = CapacityRequest.objects.filter(
        state=RequestState.APPROVED,
        kind__in=LASTING,
        starts_at__lte=at,
        decided_at__lte=at,
        decided_at__gt=at - LOOK_BACK,
    )
    # What is only expected is there once somebody made it: `expectations` tells of that.
    rows = rows.exclude(deployment__gone_at=NEVER_THERE)
    return rows.select_related("service", "to_service", "deployment__pool").order_by("pk")


def _told_of(requests: Sequence[CapacityRequest]) -> dict[int, set[str]]:
    subjects = {f"request/{request.pk}": request.pk for request in requests}
    rows = Notice.objects.filter(
        subject__in=subjects, event__in=[Event.GRANT_APPLIED, Event.GRANT_NOT_APPLIED]
    )
    found: dict[int, set[str]] = {}
    for subject, event in rows.values_list("subject", "event"):
        found.setdefault(subjects[subject], set()).add(event)
    return found


def _read(requests: Sequence[CapacityRequest], *, at: datetime) -> _Azure:
    entries: dict[int, list[LedgerEntry]] = {}
    rows = LedgerEntry.objects.applied().filter(request__in=requests)
    for row in rows.select_related("deployment__pool").order_by("effective_from", "pk"):
        entries.setdefault(row.request_id or 0, []).append(row)
    ids = {row.deployment_id for found in entries.values() for row in found}
    held = LedgerEntry.objects.applied().in_force_at(at).filter(deployment__in=ids)
    wanted = held.order_by().values_list("deployment").annotate(Sum("units"))
    return _Azure(entries, dict(wanted), *newest_changes(ids))


def _tell_of(request: CapacityRequest, azure: _Azure, told: Iterable[str], *, at: datetime) -> bool:
    entries = azure.entries.get(request.pk)
    if not entries or at < entries[0].effective_from:
        return False
    start = entries[0].effective_from
    deployments = {row.deployment_id: row.deployment for row in entries}
    missing = [d for d in deployments.values() if not _is_there(d, azure, since=start)]
    if not missing:
        return _tell(Event.GRANT_APPLIED, request, start, at=at)
    if at < start + GRACE or Event.GRANT_NOT_APPLIED in told:
        return False
    why = why_not(missing[0], azure.open_changes.get(missing[0].pk))
    return _tell(Event.GRANT_NOT_APPLIED, request, start, at=at, why=why)


def _is_there(deployment: Deployment, azure: _Azure, *, since: datetime) -> bool:
    """Read back with what the ledger wants, now or since the change began, and not edited since."""
    wanted = azure.wanted.get(deployment.pk, 0)
    if deployment.capacity_units != deployment.settled_units:
        return False
    if is_written(azure.open_changes.get(deployment.pk), wanted):
        return False
    verified = azure.verified_at.get(deployment.pk)
    return deployment.capacity_units == wanted or bool(verified and verified >= since)


def _tell(
    event: Event, request: CapacityRequest, start: datetime, *, at: datetime, **facts: object
) -> bool:
    people = holders_of(request)
    if request.to_service:
        people |= owners_of(request.to_service)
    notice = tell(
        event,
        people,
        subject=f"request/{request.pk}",
        url=request.get_absolute_url(),
        at=at,
        service=request.service.name,
        what=_what(request),
        from_at=start,
        **facts,
    )
    return notice is not None


def _what(request: CapacityRequest) -> str:
    """ "the baseline of +40k TPM", "the transfer of 30k TPM to Search"."""
    if request.to_service:
        amount = words.amount(request.deployment, request.units)
        return f"the transfer of {amount} to {request.to_service.name}"
    return f"the baseline change of {words.on_top(request.deployment, request.units)}"
