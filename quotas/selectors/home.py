"""What waits for those who operate pools: to decide, to know, to put right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Window

from portal.models import User
from quotas.models import CapacityRequest, LedgerEntry, Pool
from quotas.selectors.at_risk import PoolRisk, risks_of
from quotas.selectors.bursts_on import not_over
from quotas.selectors.changes import ChangeRow, change_rows
from quotas.selectors.counts import counts_of
from quotas.selectors.grants import grants_of
from quotas.selectors.ownerless import services_without_owner
from quotas.selectors.requests import RequestRow, request_row, request_rows, with_names
from quotas.selectors.service_page import STILL_ENDING
from quotas.selectors.stuck import Stuck, stuck_and_newest
from quotas.selectors.unmapped import unmapped_deployments
from quotas.selectors.watched import Watched, watch_lists, watched

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
    watched: Watched
    blocked: list[ChangeRow]
    observing_pools: int
    at_risk: int
    ownerless_count: int


def waiting_for(user: User, *, at: datetime) -> Waiting:
    """Only what this person may see, and may do something about."""
    urgent = _most_urgent(user, at=at)
    pools = Pool.objects.operated_by(user).allocatable().listed()
    risks = risks_of(None, at=at)
    stuck, newest = stuck_and_newest(user, most=MOST)
    counts = counts_of(
        user,
        unmapped=unmapped_deployments(user, at=at),
        observing=pools.exclude(mode=Pool.Mode.APPLY),
        ownerless=services_without_owner(user, at=at),
        **watch_lists(at=at),
    )
    return Waiting(
        inbox_count=urgent[0].waiting if urgent else 0,
        most_urgent=request_rows(urgent, at=at),
        bursts=_bursts(user, risks.values(), at=at),
        unmapped_count=counts["unmapped"],
        stuck=stuck,
        watched=watched(user, counts, at=at),
        blocked=change_rows(newest, user, at=at),
        observing_pools=counts["observing"],
        at_risk=_at_risk(pools, risks),
        ownerless_count=counts["ownerless"],
    )


def _most_urgent(user: User, *, at: datetime) -> list[CapacityRequest]:
    """The first five; each knows as `waiting` how many there are in all."""
    decidable = CapacityRequest.objects.decidable_by(user, at=at)
    rows = CapacityRequest.objects.filter(pk__in=decidable.values("pk"))
    counted = with_names(rows).annotate(waiting=Window(Count("*")))
    return list(counted.order_by("starts_at", "pk")[:MOST])


def _bursts(user: User, risks: Iterable[PoolRisk], *, at: datetime) -> Bursts:
    """The first ten rows know how many there are in all; only they are read."""
    told = not_over(since=at - STILL_ENDING, before=at + SOON, at=at)
    seen = CapacityRequest.objects.visible_to(user).filter(pk__in=told)
    begins = LedgerEntry.objects.filter(request=OuterRef("pk"), kind=LedgerEntry.Kind.BURST)
    upcoming = Exists(begins.filter(effective_from__gt=at))
    rows = with_names(CapacityRequest.objects.filter(pk__in=seen.values("pk")))
    soon = Q(ends_at__gt=at, ends_at__lte=at + SOON)
    counted = rows.annotate(is_upcoming=upcoming).annotate(
        total=Window(Count("*")),
        on=Window(Count("pk", filter=Q(is_upcoming=False))),
        ending_soon=Window(Count("pk", filter=Q(is_upcoming=False) & soon)),
    )
    found = list(counted.order_by("is_upcoming", "ends_at", "pk")[:MOST_BURSTS])
    if not found:
        return Bursts([], 0, 0, 0)
    grants = grants_of(found, at=at, risks=risks)
    shown = [request_row(request, grants[request.pk], at=at) for request in found]
    return Bursts(shown, found[0].total, found[0].on, found[0].ending_soon)


def _at_risk(pools: QuerySet[Pool], risks: Mapping[int, PoolRisk]) -> int:
    """How many grants in pools that one operates; asked only where something is at risk."""
    short = {pool: len(risk.requests) for pool, risk in risks.items() if risk.requests}
    if not short:
        return 0
    return sum(short[pool] for pool in pools.filter(pk__in=short).values_list("pk", flat=True))
