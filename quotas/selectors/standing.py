"""What stands when something is asked of a pool: its ledger around, and what else holds, in a query
each.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from portal.kernel.windows import Window
from quotas.domain.availability import Room
from quotas.domain.ledger import Entry
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Deployment, LedgerEntry, Pool, Service
from quotas.selectors.budgets import amount_of
from quotas.selectors.freezes import Clash, clash_of, met_in
from quotas.selectors.holdings import STEADY
from quotas.selectors.metering import OF_KIND, HeldSpan, held_in
from quotas.selectors.rooms import COLUMNS, entry_of, newest_limit, room_by

LATELY = timedelta(days=30)  # a denial of so long ago still counts


@dataclass(frozen=True)
class Standing:
    """`baseline` in units, of the deployment at the start of the window; `budget` of the team for
    this month, None without one; `freezes` that the window meets, earliest first.
    """

    room: Room
    baseline: int
    budget: Decimal | None
    denied_lately: bool
    freezes: tuple[Clash, ...]


def standing(
    service: Service, deployment: Deployment, window: Window, *, starts_at: datetime, at: datetime
) -> Standing:
    """Of the deployment's pool; `window` is the ledger's, `starts_at` the start that people see."""
    assert deployment.pool is not None  # noqa: S101  whoever asks has looked
    row = Pool.objects.filter(pk=deployment.pool_id).values_list(
        "reserve_units",
        Subquery(newest_limit(OuterRef("pk")).values("found")[:1]),
        Coalesce(Subquery(_steady(deployment, at=window.start)), 0),
        Subquery(amount_of(service.team_id, at=at)),
        Exists(_denied_lately(service, at=at)),
        ArraySubquery(met_in(deployment.pool, window).values("found")),
    )
    reserve, newest, baseline, budget, was_denied, met = row.get()
    return Standing(
        room_by(newest, reserve),
        baseline,
        budget,
        was_denied,
        tuple(clash_of(each, window, starts_at=starts_at) for each in met),
    )


def ledger_around(
    deployment: Deployment, window: Window, history: Window
) -> tuple[list[Entry], list[HeldSpan]]:
    """Every entry of the deployment's pool that touches the window; and who held how much of the
    deployment, in whatever pool, in the history. One query; each half finds its rows by an index.
    """
    assert deployment.pool is not None  # noqa: S101  whoever asks has looked
    coming = LedgerEntry.objects.in_pool(deployment.pool).touching(window)
    past = held_in(history).filter(deployment=deployment)
    rows = coming.values_list(Value(False), *COLUMNS, F("kind")).union(
        past.values_list(Value(True), *COLUMNS, OF_KIND), all=True
    )
    entries: list[Entry] = []
    spans: list[HeldSpan] = []
    for is_past, *row, of_kind in rows.order_by():
        entry = entry_of(*row)
        if is_past:
            spans.append(_span(entry, of_kind, history))
        else:
            entries.append(entry)
    return entries, spans


def _span(entry: Entry, kind: str, history: Window) -> HeldSpan:
    start, end = entry.window.start, entry.window.end
    held = Window(max(start, history.start), min(end, history.end))
    return HeldSpan(entry.deployment_id, entry.service_id, entry.units, kind, held)


def _steady(deployment: Deployment, *, at: datetime) -> QuerySet[LedgerEntry, int]:
    """Adopted, or baseline."""
    rows = LedgerEntry.objects.filter(deployment=deployment).in_force_at(at).order_by()
    kinds = rows.alias(of_kind=OF_KIND).filter(of_kind__in=STEADY)
    return kinds.values("deployment").annotate(held=Sum("units")).values_list("held", flat=True)  # type: ignore[no-any-return]


def _denied_lately(service: Service, *, at: datetime) -> QuerySet[CapacityRequest]:
    rows = CapacityRequest.objects.filter(service=service, state=RequestState.DENIED)
    return rows.filter(decided_at__gt=at - LATELY, decided_at__lte=at)  # type: ignore[no-any-return]
