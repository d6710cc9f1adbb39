"""What waits for those who operate pools: to decide, to know, to put right."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
)
from django.db.models.functions import JSONObject

from portal.models import User
from quotas.domain.urgency import Urgency
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
from quotas.selectors.urgency import in_order, queue_of
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
    `blocked` are the newest of what is `stuck`. `first` is how urgent the most urgent one is.
    """

    inbox_count: int
    most_urgent: list[RequestRow]
    first: Urgency | None
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
    queue = queue_of(CapacityRequest.objects.decidable_by(user, at=at), at=at)
    pools = Pool.objects.operated_by(user).allocatable().listed()
    risks = risks_of(None, at=at)
    stuck, newest = stuck_and_newest(user, most=MOST, at=at)
    found = counts_of(
        user,
        {"going_on": ArraySubquery(_going_on(user, at=at))},
        unmapped=unmapped_deployments(user, at=at),
        observing=pools.exclude(mode=Pool.Mode.APPLY),
        ownerless=services_without_owner(user, at=at),
        **watch_lists(at=at),
    )
    going_on, first = found["going_on"], queue.ids[:MOST]
    rows = _with_names([*first, *(each["pk"] for each in going_on[:MOST_BURSTS])])
    urgent = in_order(rows, first)
    return Waiting(
        inbox_count=queue.total,
        most_urgent=request_rows(urgent, at=at),
        first=queue.urgency[urgent[0].pk] if urgent else None,
        bursts=_bursts(going_on, rows, risks.values(), at=at),
        unmapped_count=found["unmapped"],
        stuck=stuck,
        watched=watched(user, found, at=at),
        blocked=change_rows(newest, user, at=at),
        observing_pools=found["observing"],
        at_risk=_at_risk(pools, risks),
        ownerless_count=found["ownerless"],
    )


def _going_on(user: User, *, at: datetime) -> QuerySet[Any, dict[str, Any]]:
    """Visible bursts that are on, or begin within a day: those that are on before the others, by
    their ends. Nothing is joined to them: only ten are shown.
    """
    told = not_over(since=at - STILL_ENDING, before=at + SOON, at=at)
    seen = CapacityRequest.objects.visible_to(user).filter(pk__in=told).order_by()
    begins = LedgerEntry.objects.filter(request=OuterRef("pk"), kind=LedgerEntry.Kind.BURST)
    upcoming = Exists(begins.filter(effective_from__gt=at))
    soon = ExpressionWrapper(Q(ends_at__gt=at, ends_at__lte=at + SOON), BooleanField())
    rows = CapacityRequest.objects.filter(pk__in=seen.values("pk")).annotate(upcoming=upcoming)
    each = JSONObject(pk="pk", upcoming="upcoming", ends_soon=soon)
    return rows.order_by("upcoming", "ends_at", "pk").values(each=each)


def _with_names(ids: list[int]) -> dict[int, CapacityRequest]:
    found: dict[int, CapacityRequest] = with_names(CapacityRequest.objects.all()).in_bulk(ids)
    return found


def _bursts(
    going_on: list[dict[str, Any]],
    rows: Mapping[int, CapacityRequest],
    risks: Iterable[PoolRisk],
    *,
    at: datetime,
) -> Bursts:
    first = [each["pk"] for each in going_on[:MOST_BURSTS]]
    grants = grants_of([rows[pk] for pk in first], at=at, risks=risks)
    on = [each for each in going_on if not each["upcoming"]]
    return Bursts(
        [request_row(rows[pk], grants[pk], at=at) for pk in first],
        len(going_on),
        len(on),
        sum(each["ends_soon"] for each in on),
    )


def _at_risk(pools: QuerySet[Pool], risks: Mapping[int, PoolRisk]) -> int:
    """How many grants in pools that one operates; asked only where something is at risk."""
    short = {pool: len(risk.requests) for pool, risk in risks.items() if risk.requests}
    if not short:
        return 0
    return sum(short[pool] for pool in pools.filter(pk__in=short).values_list("pk", flat=True))
