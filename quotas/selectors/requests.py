"""Lists of requests: mine, of my services, and short ones for other pages."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet
from django.http import QueryDict

from portal.kernel.shown import Shown
from portal.kernel.status import Status
from portal.models import User
from quotas.domain.states import WAITING_REQUEST_STATES, RequestState
from quotas.models import CapacityRequest, Change, LedgerEntry
from quotas.selectors import statuses, words
from quotas.selectors.grants import Grant, grants_of
from quotas.selectors.paging import page

OPEN = sorted(WAITING_REQUEST_STATES)


@dataclass(frozen=True)
class RequestRow:
    """One line of a list of requests, ready to print. `grant` is None unless it was approved.

    Where the pool does not apply, no message may say that a burst starts or is up.
    """

    id: int
    url: str
    service: str
    service_slug: str
    deployment: str
    asked: Shown  # with its sign; once approved what was granted, or is left of it
    amount: Shown  # without
    window: Shown
    starts_at: datetime
    ends_at: datetime
    status: Status
    grant: Grant | None
    occasion: str
    requester: str
    submitted: Shown
    applies: bool


@dataclass(frozen=True)
class RequestList:
    rows: list[RequestRow]
    newer_url: str
    older_url: str
    open_count: int
    on_count: int


def with_names(rows: QuerySet[CapacityRequest]) -> QuerySet[CapacityRequest]:
    """Everything that a row prints, in one query."""
    return rows.select_related("service__team", "deployment__pool", "requester")


def asked_by(user: User) -> Q:
    return Q(requester=user) | Q(on_behalf_of=user)


def request_list(user: User, params: QueryDict, *, at: datetime) -> RequestList:
    """By default what this person asked for; with `scope=all` everything that they may see."""
    rows = with_names(CapacityRequest.objects.visible_to(user))
    if params.get("scope") != "all":
        rows = rows.filter(asked_by(user))
    if (state := params.get("state")) in list(RequestState):
        rows = rows.filter(state=state)
    found = page(rows, params)
    windows = Q(state=RequestState.APPROVED, starts_at__lte=at, ends_at__gt=at)
    counts = rows.order_by().aggregate(
        open=Count("pk", filter=Q(state__in=OPEN), distinct=True),
        on=Count("pk", filter=windows, distinct=True),
    )
    return RequestList(
        request_rows(found.rows, at=at),
        found.newer_url,
        found.older_url,
        open_count=counts["open"],
        on_count=counts["on"],
    )


def request_rows(
    requests: Sequence[CapacityRequest],
    *,
    at: datetime,
    ledger: Iterable[LedgerEntry] | None = None,
    changes: Iterable[Change] | None = None,
) -> list[RequestRow]:
    """In the order given. Needs what `with_names` reads; `ledger` and `changes` as `grants_of`
    takes them.
    """
    grants = grants_of(requests, at=at, ledger=ledger, changes=changes)
    return [request_row(request, grants.get(request.pk), at=at) for request in requests]


def request_row(request: CapacityRequest, grant: Grant | None, *, at: datetime) -> RequestRow:
    """One whose grant was read already. Needs what `with_names` reads."""
    units = grant.units if grant else request.units
    ends_at = grant.entry.effective_until if grant else request.window.end
    return RequestRow(
        id=request.pk,
        url=request.get_absolute_url(),
        service=request.service.name,
        service_slug=request.service.slug,
        deployment=request.deployment.name,
        asked=words.on_top(request.deployment, units),
        amount=words.amount(request.deployment, abs(units)),
        window=words.span(request.starts_at, max(ends_at, request.starts_at), now=at),
        starts_at=request.starts_at,
        ends_at=ends_at,
        status=grant.status if grant else statuses.OF_REQUEST[RequestState(request.state)],
        grant=grant,
        occasion=words.occasion(request),
        requester=request.requester.display_name,
        submitted=words.age(request.submitted_at, now=at),
        applies=bool(request.deployment.pool and request.deployment.pool.applies),
    )
