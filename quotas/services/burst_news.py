"""What happens to granted bursts by time alone, told once each: up, not up, ending, over, used.

A run looks at what is so now and at what was told before, so it may be late, run twice, or beside
itself. What is older than LOOK_BACK is history and told no more. A burst is only said to be up when
Azure was read back with it, and only said to have gone back when it was up.
"""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from portal.kernel.windows import HOUR, MINUTE, Window
from portal.models import Notice
from portal.outbox import Event, tell
from quotas.domain.grants import Phase
from quotas.models import CapacityRequest, Decision, LedgerEntry
from quotas.selectors import words
from quotas.selectors.burst_report import REPORT_AFTER, REPORT_LATEST, report_line
from quotas.selectors.grants import Grant, grants_of
from quotas.selectors.people import holders_of
from quotas.services.burst_reports import make_report

log = logging.getLogger(__name__)
Kind = CapacityRequest.Kind
LOOK_BACK = REPORT_LATEST
LONGEST_LEAD = timedelta(days=1)
# Azure may take a while at the start; after this somebody wants to know.
GRACE = 5 * MINUTE
ENDING_SOON = HOUR
NEWS = (
    Event.BURST_STARTING,
    Event.BURST_APPLIED,
    Event.BURST_NOT_APPLIED,
    Event.BURST_ENDING_SOON,
    Event.BURST_ENDED,
    Event.BURST_REPORT,
)


@dataclass(frozen=True)
class Story:
    """One granted burst at the moment: what is so, and what was told of it."""

    request: CapacityRequest
    grant: Grant
    told: frozenset[str]
    starts_at: datetime  # as it was granted: a part may begin later than was asked
    goes_on: bool  # an extension follows without a gap
    at: datetime

    @property
    def window(self) -> Window | None:
        """As it was granted; a give-back cuts it short. None where nothing was left of it."""
        entry = self.grant.entry
        start = max(self.starts_at, entry.effective_from)
        end = self.grant.given_back_at or entry.effective_until
        return Window(start, end) if end > start else None

    @property
    def is_first(self) -> bool:
        """An extension goes on with what is there already."""
        return self.request.kind == Kind.BURST


def tell_of_bursts(*, at: datetime) -> int:
    """Tells what is new of all bursts around `at`. Returns how many events were told."""
    requests = list(_around(at))
    if not requests:
        return 0
    grants = grants_of(requests, at=at, zone=UTC)
    told = _told_of(requests)
    followed = _followed(requests)
    parts = _starts_of_parts(requests)
    stories = [
        Story(
            request=r,
            grant=grants[r.pk],
            told=told.get(r.pk, frozenset()),
            starts_at=parts.get(r.pk, r.starts_at),
            goes_on=r.pk in followed,
            at=at,
        )
        for r in requests
        if r.pk in grants
    ]
    return sum(_tell_of(story) for story in stories)


def next_moment(*, after: datetime) -> datetime | None:
    """The next moment at which time alone may make news, for the stepper."""
    moments = (
        moment
        for request in _around(after)
        for moment in (
            request.starts_at + GRACE,
            request.window.end - min(ENDING_SOON, request.window.length / 4),
            request.window.end + REPORT_AFTER,
        )
        if moment > after
    )
    return min(moments, default=None)


def _tell_of(story: Story) -> int:
    """An error in one burst keeps nobody from hearing of the others; the next run tries again."""
    try:
        return sum(_tell(story, event) for event in due_events(story))
    except Exception:
        log.exception("news of request %s", story.request.pk)
        return 0


def _around(at: datetime) -> Iterable[CapacityRequest]:
    rows = CapacityRequest.objects.filter(
        state=CapacityRequest.State.APPROVED,
        kind__in=[Kind.BURST, Kind.EXTENSION],
        starts_at__lte=at + LONGEST_LEAD,
        ends_at__gt=at - LOOK_BACK,
    )
    return rows.select_related("service", "deployment__pool").order_by("pk")


def _told_of(requests: Iterable[CapacityRequest]) -> dict[int, frozenset[str]]:
    subjects = {f"request/{request.pk}": request.pk for request in requests}
    rows = Notice.objects.filter(subject__in=subjects, event__in=NEWS)
    found: dict[int, set[str]] = {}
    for subject, event in rows.values_list("subject", "event"):
        found.setdefault(subjects[subject], set()).add(event)
    return {pk: frozenset(events) for pk, events in found.items()}


def _starts_of_parts(requests: Iterable[CapacityRequest]) -> dict[int, datetime]:
    """By request id, of those of which only a part was approved that begins later."""
    rows = Decision.objects.filter(
        request__in=list(requests),
        outcome=Decision.Outcome.PARTIAL,
        voided_at__isnull=True,
        starts_at__isnull=False,
    )
    return dict(rows.order_by().values_list("request").annotate(Max("starts_at")))


def _followed(requests: Iterable[CapacityRequest]) -> set[int]:
    """Those whose capacity stays, as an approved extension begins where they end."""
    rows = LedgerEntry.objects.filter(
        Q(request__parent__in=list(requests)), request__kind=Kind.EXTENSION, units__gt=0
    )
    return {parent for parent in rows.values_list("request__parent", flat=True) if parent}


def due_events(story: Story) -> list[Event]:
    """What is to be told of it now; what was told is never due again."""
    window = story.window
    if window is None:
        return []
    found = _while_it_runs(story, window) if story.at < window.end else _afterwards(story, window)
    return [event for event in found if event not in story.told]


def _while_it_runs(story: Story, window: Window) -> list[Event]:
    standing, at = story.grant.standing, story.at
    if at < window.start:
        is_starting = story.is_first and standing.phase == Phase.STARTING
        return [Event.BURST_STARTING] if is_starting else []
    if not standing.applied:
        return [Event.BURST_NOT_APPLIED] if at >= window.start + GRACE else []
    found = [Event.BURST_APPLIED] if standing.verified and story.is_first else []
    soon = min(ENDING_SOON, window.length / 4)
    if at >= window.end - soon and not story.goes_on and not story.grant.given_back_at:
        found.append(Event.BURST_ENDING_SOON)
    return found


def _afterwards(story: Story, window: Window) -> list[Event]:
    if story.at >= window.end + LOOK_BACK:
        return []
    was_up = Event.BURST_APPLIED in story.told or not story.is_first
    was_up = was_up and story.grant.gave_up is None
    found = []
    if story.grant.phase == Phase.OVER and was_up and not story.goes_on:
        found.append(Event.BURST_ENDED)
    if was_up and story.at >= window.end + REPORT_AFTER:
        found.append(Event.BURST_REPORT)
    return found


@transaction.atomic
def _tell(story: Story, event: Event) -> bool:
    window, request = story.window, story.request
    if window is None:
        return False
    facts = {}
    if event == Event.BURST_NOT_APPLIED:
        facts["why"] = story.grant.standing.not_applied_because
    if event == Event.BURST_REPORT:
        report = make_report(request, window, at=story.at)
        if report is None:  # minutes may still come
            return False
        facts["used"] = report_line(report.facts)
    notice = tell(
        event,
        holders_of(request),
        subject=f"request/{request.pk}",
        url=request.get_absolute_url(),
        at=story.at,
        service=request.service.name,
        amount=words.amount(request.deployment, story.grant.entry.units),
        from_at=window.start,
        until_at=window.end,
        **facts,
    )
    return notice is not None
