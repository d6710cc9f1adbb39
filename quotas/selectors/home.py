"""What waits for those who operate pools: to decide, to know, to put right."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Window

from portal.models import User
from quotas.domain.grants import LIVE, Phase
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Pool
from quotas.selectors.at_risk import PoolRisk, risks_of
from quotas.selectors.changes import ChangeRow, change_rows
from quotas.selectors.grants import Grant, grants_of
from quotas.selectors.requests import RequestRow, request_row, request_rows, with_names
from quotas.selectors.service_page import STILL_ENDING
from quotas.selectors.stuck import Stuck, stuck_and_newest
from quotas.selectors.unmapped import unmapped_deployments

MOST, MOST_BURSTS = 5, 10
SOON = timedelta(hours=24)


@dataclass(frozen=True)
class Bursts:
    """Of visible services: those that are starting, on or ending (`on`; of them `ending_soon`
    within a day), and those that begin within a day. `rows` are the first ten: on now before the
    others, by their ends.
    """

    rows: list[RequestRow]
    total: int
    on: int
    ending_soon: int

    @property
    def left_out(self) -> int:
        return self.total - len(self.rows)


@dataclass(frozen=True)
class Waiting:
    """Short lists; the counts are of everything. `at_risk` counts grants that no longer fit;
    `blocked` are the newest of what is `stuck`.
    """

    inbox_count: int
    most_urgent: list[RequestRow]
    bursts: Bursts
    unmapped_count: int
    stuck: Stuck
    blocked: list[ChangeRow]
    observing_pools: int
    at_risk: int


def waiting_for(user: User, *, at: datetime) -> Waiting:
    """Only what this person may see, and may do something about."""
    urgent = _most_urgent(user, at=at)
    granted = _granted(user, at=at)
    modes = dict(Pool.objects.operated_by(user).allocatable().listed().values_list("pk", "mode"))
    shown = {request.deployment.pool_id for request in granted} - {None}
    risks = risks_of({*modes, *shown}, at=at)
    stuck, newest = stuck_and_newest(user, most=MOST)
    return Waiting(
        inbox_count=urgent[0].waiting if urgent else 0,
        most_urgent=request_rows(urgent, at=at),
        bursts=_bursts(granted, risks.values(), at=at),
        unmapped_count=unmapped_deployments(user, at=at).count(),
        stuck=stuck,
        blocked=change_rows(newest, user, at=at),
        observing_pools=sum(1 for mode in modes.values() if mode != Pool.Mode.APPLY),
        at_risk=sum(len(risk.requests) for pool, risk in risks.items() if pool in modes),
    )


def _most_urgent(user: User, *, at: datetime) -> list[CapacityRequest]:
    """The first five; each knows as `waiting` how many there are in all."""
    decidable = CapacityRequest.objects.decidable_by(user, at=at)
    rows = CapacityRequest.objects.filter(pk__in=decidable.values("pk"))
    counted = with_names(rows).annotate(waiting=Window(Count("*")))
    return list(counted.order_by("starts_at", "pk")[:MOST])


def _granted(user: User, *, at: datetime) -> list[CapacityRequest]:
    """Approved, not over for long, and begun or to begin within a day; by their ends."""
    approved = with_names(CapacityRequest.objects.visible_to(user)).filter(
        state=RequestState.APPROVED, ends_at__gt=at - STILL_ENDING, starts_at__lt=at + SOON
    )
    return list(approved.order_by("ends_at", "pk"))


def _bursts(requests: list[CapacityRequest], risks: Iterable[PoolRisk], *, at: datetime) -> Bursts:
    grants = grants_of(requests, at=at, risks=risks)
    found = [(request, grants[request.pk]) for request in requests if request.pk in grants]
    on = [each for each in found if each[1].phase in LIVE]
    upcoming = [each for each in found if each[1].phase == Phase.UPCOMING]
    rows = [request_row(*each, at=at) for each in [*on, *upcoming][:MOST_BURSTS]]
    return Bursts(rows, len(on) + len(upcoming), len(on), _ending_soon(on, at=at))


def _ending_soon(on: list[tuple[CapacityRequest, Grant]], *, at: datetime) -> int:
    ends = (request.ends_at for request, _ in on)
    return sum(1 for end in ends if end and at < end <= at + SOON)
