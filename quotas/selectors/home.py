"""What waits for this person: to decide, to know, to put right."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.models import User
from quotas.domain.grants import Phase
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Pool, Service
from quotas.selectors.changes import ChangeRow, blocked_changes
from quotas.selectors.pool_risks import grants_at_risk
from quotas.selectors.requests import RequestRow, asked_by, request_rows, with_names
from quotas.selectors.service_page import STILL_ENDING
from quotas.selectors.unmapped import unmapped_deployments

MOST = 5
SOON = timedelta(hours=24)


@dataclass(frozen=True)
class Waiting:
    """Short lists of at most five; the counts are of everything.

    `own_open` are this person's requests that are not decided yet. `on_now` are the bursts of
    visible services that are starting, on or ending; `ending_soon` of those within a day; `at_risk`
    counts grants that no longer fit;
    `upcoming` begin within a day.
    """

    decides: bool
    inbox_count: int
    most_urgent: list[RequestRow]
    own_open: list[RequestRow]
    on_now: list[RequestRow]
    ending_soon: list[RequestRow]
    upcoming: list[RequestRow]
    unmapped_count: int
    blocked: list[ChangeRow]
    observing_pools: int
    at_risk: int
    may_request: list[tuple[str, str]]

    @property
    def nothing(self) -> bool:
        return not (self.inbox_count or self.own_open or self.unmapped_count or self.blocked)


def waiting_for(user: User, *, at: datetime) -> Waiting:
    """Only what this person may see, and may do something about."""
    decidable = CapacityRequest.objects.decidable_by(user, at=at)
    decides = user.operates_pools
    visible = with_names(CapacityRequest.objects.visible_to(user))
    granted = visible.filter(state=RequestState.APPROVED, ends_at__gt=at - STILL_ENDING)
    bursts = request_rows(
        list(granted.filter(starts_at__lt=at + SOON).order_by("ends_at", "pk")), at=at
    )
    live = (Phase.STARTING, Phase.ON, Phase.ENDING)
    on_now = [row for row in bursts if row.grant and row.grant.phase in live]
    urgent = with_names(decidable).order_by("starts_at", "pk")
    return Waiting(
        decides=decides,
        inbox_count=decidable.count() if decides else 0,
        most_urgent=request_rows(list(urgent[:MOST]), at=at) if decides else [],
        own_open=request_rows(list(visible.open().filter(asked_by(user))[:MOST]), at=at),
        on_now=on_now,
        ending_soon=[row for row in on_now if at < row.ends_at <= at + SOON],
        upcoming=[row for row in bursts if row.grant and row.grant.phase == Phase.UPCOMING],
        unmapped_count=unmapped_deployments(user, at=at).count() if decides else 0,
        blocked=blocked_changes(user, at=at),
        observing_pools=Pool.objects.operated_by(user)
        .allocatable()
        .listed()
        .exclude(mode="apply")
        .count(),
        at_risk=grants_at_risk(user, at=at) if decides else 0,
        may_request=[(s.name, s.slug) for s in Service.objects.may_request(user)[:MOST]],
    )
