"""The deployments of one service over a window, and who held them: read once for its whole page."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Case, OuterRef, Q, Subquery, When

from portal.kernel.windows import MINUTE, Window
from quotas.models import CapacityRequest, Deployment, LedgerEntry, PoolLimit
from quotas.selectors.grants import behind
from quotas.selectors.holdings import DeploymentHolding, Holding, holding_of
from quotas.selectors.metering import OF_KIND, HeldSpan, MeteredDeployment, metered, of_service


@dataclass(frozen=True)
class ServiceCapacity:
    """`deployments` are those mapped to the service, or held by it at some time of the window, none
    that went away before it; with accounts and pools, by name. `limits` of the pools that feed them
    are in units, as Azure told last; None where it told none, or no pool is known. `held` are the
    spans of them all from the window's start until `at`, whoever held them; `ledger` the entries of
    these spans, and those behind the requests that were named.
    """

    service_id: int
    window: Window
    at: datetime
    deployments: list[Deployment]
    limits: dict[int, int | None]
    names: dict[int, str]  # of `deployments`, and of the others that were asked for
    held: list[HeldSpan]
    ledger: list[LedgerEntry]

    @property
    def metered(self) -> list[MeteredDeployment]:
        return [metered(row) for row in sorted(self.deployments, key=lambda row: row.pk)]

    @property
    def held_now(self) -> list[HeldSpan]:
        return [span for span in self.held if self.at in span.window]

    @property
    def holding(self) -> Holding:
        """What the service holds now of what is there. What is only held for an offer takes room in
        the pool, none in Azure.
        """
        parts = {row.pk: DeploymentHolding(row) for row in self.deployments if not row.gone_at}
        for span in self.held_now:
            is_its_own = span.service_id == self.service_id and span.kind != "hold"
            if is_its_own and span.deployment_id in parts:
                parts[span.deployment_id].add(span.kind, span.units)
        return holding_of(parts.values())


def service_capacity(
    service_id: int,
    window: Window,
    *,
    at: datetime,
    others: Collection[int] = (),
    requests: Sequence[CapacityRequest] = (),
) -> ServiceCapacity:
    """`window` ends at about `at`; of the `others` only names are asked for. Two queries."""
    until_now = Window(window.start, max(window.end, at + MINUTE))
    rows = list(_deployments(of_service(service_id, until_now), others))
    own = [row for row in rows if row.is_own]
    keys = {row.pk for row in own}
    ledger = _ledger(keys, until_now, behind(requests, at=at))
    return ServiceCapacity(
        service_id=service_id,
        window=window,
        at=at,
        deployments=own,
        limits={row.pk: row.limit_units for row in own},
        names={row.pk: str(row) for row in rows},
        held=list(_spans(ledger, keys, until_now)),
        ledger=ledger,
    )


def _ledger(deployments: set[int], window: Window, others: Q) -> list[LedgerEntry]:
    """Their entries that touch the window, and others. One query."""
    touching = Q(effective_from__lt=window.end, effective_until__gt=window.start)
    rows = LedgerEntry.objects.filter(Q(deployment__in=deployments) & touching | others)
    return list(rows.annotate(of_kind=OF_KIND).order_by("effective_from", "pk"))


def _spans(ledger: Iterable[Any], deployments: set[int], window: Window) -> Iterator[HeldSpan]:
    for row in ledger:
        within = row.window.clipped_to(window)
        if within and row.deployment_id in deployments and row.kind != LedgerEntry.Kind.RESERVE:
            yield HeldSpan(row.deployment_id, row.service_id, row.units, row.of_kind, within)


def _deployments(own: Q, others: Collection[int]) -> Any:
    """Each tells whether it `is_own`, and the `limit_units` of its pool."""
    told = PoolLimit.objects.filter(pool=OuterRef("pool")).order_by("-observed_at", "-id")
    found = Deployment.objects.with_spill_target().filter(own | Q(pk__in=others))
    rows = found.select_related("account", "pool")
    return rows.annotate(
        is_own=Case(When(own, then=True), default=False),
        limit_units=Subquery(told.values("limit_units")[:1]),
    )
