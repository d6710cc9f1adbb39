"""What the planner knows of each deployment: what the ledger wants, what Azure has, and to what
somebody said yes already.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Max

from portal.kernel.units import ONE_BY_ONE
from quotas.domain.ledger import desired_units
from quotas.domain.plan import Standing
from quotas.domain.states import ChangeState
from quotas.models import Change, Deployment, LedgerEntry
from quotas.selectors.amounts import step_of
from quotas.selectors.rooms import entries_of
from quotas.services.holds import Frost


def standings(
    deployments: Iterable[Deployment],
    rows: list[LedgerEntry],
    frost: Frost | None = None,
    *,
    at: datetime,
) -> list[Standing]:
    """Managed deployments only: one without any entry is never written."""
    wanted = desired_units(entries_of(rows), at)
    managed_ones = [d for d in deployments if d.pk in wanted]
    last = _last_settled(d.pk for d in managed_ones if d.is_provisioned)
    return [
        Standing(
            deployment_id=d.pk,
            wanted_units=wanted[d.pk],
            actual_units=d.capacity_units,
            settled_units=d.settled_units,
            is_provisioned=d.is_provisioned,
            release_is_agreed=d.pk in last
            and _release_is_agreed(d, rows, wanted[d.pk], since=last[d.pk], at=at),
            step=step_of(d) if d.is_provisioned else ONE_BY_ONE,
            writable_units=frost.writable(d, rows, wanted[d.pk], at=at) if frost else None,
        )
        for d in managed_ones
    ]


def _last_settled(deployment_ids: Iterable[int]) -> dict[int, datetime]:
    """When what each deployment has now was planned. One without was never written by Headroom."""
    done = Change.objects.filter(
        deployment__in=list(deployment_ids), state=ChangeState.SUCCEEDED
    ).order_by()
    return dict(done.values_list("deployment").annotate(at=Max("planned_at")))


def _release_is_agreed(
    deployment: Deployment, rows: list[LedgerEntry], wanted: int, *, since: datetime, at: datetime
) -> bool:
    """Whether approved bursts that ended since explain the whole decrease: they carried the yes.

    One that was taken back before has used its yes up.
    """
    ended = sum(
        row.units
        for row in rows
        if row.deployment_id == deployment.pk
        and row.kind == LedgerEntry.Kind.BURST
        and since < _over_at(row, rows) <= at
    )
    return deployment.capacity_units - wanted <= ended


def _over_at(entry: LedgerEntry, rows: list[LedgerEntry]) -> datetime:
    """A give-back takes hold when it is recorded, though it counts from the whole minute."""
    given_back = (max(r.effective_from, r.recorded_at) for r in rows if r.reverses_id == entry.pk)
    return min(given_back, default=entry.effective_until)
