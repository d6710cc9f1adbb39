"""What the planner knows of each deployment: what the ledger wants, what Azure has, and to what
somebody said yes already.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Max

from portal.kernel.units import ONE_BY_ONE
from quotas.domain.ledger import desired_units, units_at
from quotas.domain.plan import Standing, planned
from quotas.domain.states import ChangeState
from quotas.models import Change, Deployment, LedgerEntry
from quotas.selectors.amounts import step_of
from quotas.selectors.rooms import entries_of
from quotas.services.holds import Frost, asked_now


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
    asks = [d for d in managed_ones if d.is_provisioned or wanted[d.pk] <= 0]
    last = _last_settled(d.pk for d in asks)
    return [
        Standing(
            deployment_id=d.pk,
            wanted_units=wanted[d.pk],
            actual_units=d.capacity_units,
            settled_units=d.settled_units,
            is_provisioned=d.is_provisioned,
            agreed_units=_agreed_units(d, rows, since=last[d.pk], at=at) if d.pk in last else 0,
            step=step_of(d) if d.is_provisioned else ONE_BY_ONE,
            writable_units=frost.writable(d, rows, wanted[d.pk], at=at) if frost else None,
        )
        for d in managed_ones
    ]


def units_to_write(change: Change, *, at: datetime) -> int:
    """What the planner would write of the change's deployment now. Where freezes let nothing move,
    what is wanted all the same: `held_by` says so.
    """
    asked = asked_now(change, at=at)
    found = standings([change.deployment], asked.entries, asked.frost, at=at)
    return planned(found[0]).to_units if found else 0


def _last_settled(deployment_ids: Iterable[int]) -> dict[int, datetime]:
    """When what each deployment has now was planned. One without was never written by Headroom."""
    done = Change.objects.filter(
        deployment__in=list(deployment_ids), state=ChangeState.SUCCEEDED
    ).order_by()
    return dict(done.values_list("deployment").annotate(at=Max("planned_at")))


def _agreed_units(
    deployment: Deployment, rows: list[LedgerEntry], *, since: datetime, at: datetime
) -> int:
    """Those of approved bursts that ended since: they carried the yes for it. One that was taken
    back before has used its yes up, and one that never came up has none to give: no more than Azure
    has beyond what was steady then and what bursts hold now.
    """
    mine = [row for row in rows if row.deployment_id == deployment.pk]
    bursts = [row for row in mine if row.kind == LedgerEntry.Kind.BURST]
    keys = {row.pk for row in bursts}
    of_bursts = [row for row in mine if (row.reverses_id or row.pk) in keys]
    steady = [row for row in mine if (row.reverses_id or row.pk) not in keys]
    ended = sum(row.units for row in bursts if since < _over_at(row, rows) <= at)
    kept = units_at(entries_of(steady), since) + units_at(entries_of(of_bursts), at)
    return max(0, min(ended, deployment.capacity_units - kept))


def _over_at(entry: LedgerEntry, rows: list[LedgerEntry]) -> datetime:
    """A give-back takes hold when it is recorded, though it counts from the whole minute."""
    given_back = (max(r.effective_from, r.recorded_at) for r in rows if r.reverses_id == entry.pk)
    return min(given_back, default=entry.effective_until)
