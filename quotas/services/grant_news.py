"""Lasting changes and transfers: told once each when Azure was read back with them, and when they
are not there although they should be.

What it takes to be there, `selectors.lasting` says. A run looks at what is so now and at what was
told before, so it may be late, or run twice. What began longer than LOOK_BACK ago is history and
told no more.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from portal.kernel.windows import MINUTE
from portal.models import Notice
from portal.outbox import Event, tell
from quotas.domain.states import RequestState
from quotas.models import NEVER_THERE, CapacityRequest
from quotas.selectors import words
from quotas.selectors.lasting import LASTING, AzureFacts, azure_facts
from quotas.selectors.people import holders_of, owners_of

LOOK_BACK = timedelta(days=7)
# Azure may take a while at the start; after this somebody wants to know.
GRACE = 5 * MINUTE


def tell_of_lasting(*, at: datetime) -> int:
    """Tells what is new of lasting changes around `at`. Returns how many events were told."""
    requests = list(_around(at))
    told = _told_of(requests)
    news = [r for r in requests if Event.GRANT_APPLIED not in told.get(r.pk, ())]
    if not news:
        return 0
    azure = azure_facts(news, at=at)
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


def _tell_of(
    request: CapacityRequest, azure: AzureFacts, told: Iterable[str], *, at: datetime
) -> bool:
    entries = azure.entries.get(request.pk)
    if not entries or at < entries[0].effective_from:
        return False
    start = entries[0].effective_from
    missing = azure.missing(request)
    if not missing:
        return _tell(Event.GRANT_APPLIED, request, start, at=at)
    if at < start + GRACE or Event.GRANT_NOT_APPLIED in told:
        return False
    why = azure.why_missing(missing[0], UTC)
    return _tell(Event.GRANT_NOT_APPLIED, request, start, at=at, why=why)


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
