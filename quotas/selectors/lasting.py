"""Where changes without an end stand, baselines and transfers: approved, applied, verified.

Such a change is there when every deployment that it concerns has what the ledger wants, or was read
back with it at some time since the change began.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from django.db.models import Sum

from portal.kernel.status import Tick, Ticks
from quotas.domain.states import RequestState
from quotas.models import CapacityRequest, Change, Deployment, LedgerEntry
from quotas.selectors.kill_switch import with_holds
from quotas.selectors.newest_changes import NewestChanges, newest_changes, told_by
from quotas.selectors.on_the_way import is_written, tick_of, why_not

WORST_FIRST = (Tick.FAILED, Tick.HELD, Tick.WAITING)
LASTING = (CapacityRequest.Kind.BASELINE, CapacityRequest.Kind.TRANSFER)


@dataclass(frozen=True)
class AzureFacts:
    """What is known of the deployments that such changes concern, each read with one query."""

    entries: dict[int, list[LedgerEntry]]  # by request id, the earliest first
    wanted: dict[int, int]  # by deployment id, units
    changes: NewestChanges

    def missing(self, request: CapacityRequest) -> list[Deployment]:
        """Those of its deployments that were not read back with it."""
        entries = self.entries[request.pk]
        found = {row.deployment_id: row.deployment for row in entries}
        return [d for d in found.values() if not self._is_there(d, entries[0].effective_from)]

    def why_missing(self, deployment: Deployment, zone: tzinfo | None = None) -> str:
        return why_not(deployment, self.changes.open.get(deployment.pk), zone)

    def is_written(self, deployment: Deployment) -> bool:
        wanted = self.wanted.get(deployment.pk, 0)
        return is_written(self.changes.open.get(deployment.pk), wanted)

    def tick(self, deployment: Deployment) -> Tick:
        applies = bool(deployment.pool and deployment.pool.applies)
        return tick_of(self.changes.open.get(deployment.pk), applies=applies)

    def _is_there(self, deployment: Deployment, since: datetime) -> bool:
        """Not where somebody edited it since."""
        wanted = self.wanted.get(deployment.pk, 0)
        if deployment.capacity_units != deployment.settled_units or self.is_written(deployment):
            return False
        verified = self.changes.verified_at.get(deployment.pk)
        return deployment.capacity_units == wanted or bool(verified and verified >= since)


@dataclass(frozen=True)
class LastingStand:
    """`why_not` is why Azure has not got it, in a sentence; "" where it has, or is not to yet."""

    ticks: Ticks
    why_not: str = ""


def azure_facts(requests: Sequence[CapacityRequest], *, at: datetime) -> AzureFacts:
    entries: dict[int, list[LedgerEntry]] = {}
    rows = LedgerEntry.objects.applied().filter(request__in=requests)
    for row in rows.select_related("deployment__pool").order_by("effective_from", "pk"):
        entries.setdefault(row.request_id or 0, []).append(row)
    ids = {row.deployment_id for found in entries.values() for row in found}
    held = LedgerEntry.objects.applied().in_force_at(at).filter(deployment__in=ids)
    wanted = held.order_by().values_list("deployment").annotate(Sum("units"))
    newest = with_holds(Change.objects.filter(newest_changes(ids)))
    return AzureFacts(entries, dict(wanted), told_by(newest))


def lasting_stand(request: CapacityRequest, *, at: datetime) -> LastingStand | None:
    """None for what is not approved, or has an end (`grants_of`), or is not in the ledger."""
    if request.kind not in LASTING or request.state != RequestState.APPROVED:
        return None
    azure = azure_facts([request], at=at)
    entries = azure.entries.get(request.pk)
    if not entries:
        return None
    if at < entries[0].effective_from or request.deployment.is_expected:
        return LastingStand(Ticks(Tick.DONE))
    missing = azure.missing(request)
    if not missing:
        return LastingStand(Ticks(Tick.DONE, Tick.DONE, Tick.DONE))
    return _stand(missing, azure)


def _stand(missing: Sequence[Deployment], azure: AzureFacts) -> LastingStand:
    """Of a transfer, what the deployment that is furthest behind says."""
    if all(azure.is_written(deployment) for deployment in missing):
        return LastingStand(Ticks(Tick.DONE, Tick.DONE))
    ticks = {d.pk: azure.tick(d) for d in missing}
    worst = min(missing, key=lambda d: WORST_FIRST.index(ticks[d.pk]))
    return LastingStand(Ticks(Tick.DONE, ticks[worst.pk]), azure.why_missing(worst))
