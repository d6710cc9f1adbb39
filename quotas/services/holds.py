"""What freezes let be written now: read once for a pool, asked for each of its deployments.

The planner marks what they hold back; the applier asks again under the pool's lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from quotas.domain.freezing import frozen_since, writable_before_freeze, writable_in_freeze
from quotas.domain.ledger import desired_units
from quotas.domain.plan import PlannedPool
from quotas.domain.states import ChangeState
from quotas.models import CapacityRequest, Change, Deployment, Freeze, LedgerEntry, Pool
from quotas.selectors.rooms import entries_of
from quotas.services.freezes import LONGEST

NOT_SENT = (
    ChangeState.PLANNED,
    ChangeState.RETRY_WAIT,
    ChangeState.BLOCKED,
    ChangeState.NEEDS_HUMAN,
)


@dataclass(frozen=True)
class Frost:
    """Freezes of one pool at one moment: `freeze` is the one to name. `since` is from when on
    nothing was to move; None where the freeze is yet to begin, within the pool's lead.
    """

    freeze: Freeze
    since: datetime | None

    def writable(
        self, deployment: Deployment, rows: Sequence[LedgerEntry], wanted: int, *, at: datetime
    ) -> int:
        """Units; the deployment's own where nothing may move. `rows` are the pool's, or its own."""
        mine = [row for row in rows if row.deployment_id == deployment.pk]
        actual = deployment.capacity_units
        if self.since is not None:
            given_up = _steady_before(mine, self.since) - _steady(mine, at)
            return writable_in_freeze(wanted, actual, given_up)
        return writable_before_freeze(wanted, actual, self._starting_inside(mine, at))

    def _starting_inside(self, rows: Sequence[LedgerEntry], at: datetime) -> int:
        """Units in force whose start, as people see it, falls into the freeze."""
        asked = {row.request_id for row in rows if row.request_id and at in row.window}
        starts = CapacityRequest.objects.filter(
            pk__in=asked, starts_at__gte=self.freeze.effective_from
        )
        inside = set(starts.values_list("pk", flat=True))
        by_id = {row.pk: row.request_id for row in rows}
        return sum(
            row.units
            for row in rows
            if at in row.window and by_id.get(row.reverses_id or row.pk) in inside
        )


def frost_of(pool: Pool, *, at: datetime) -> Frost | None:
    """None where no freeze lasts, nor begins within the pool's lead. One query."""
    rows = Freeze.objects.for_pool(pool.pk).filter(
        effective_from__lte=at + pool.lead, effective_until__gt=at - LONGEST
    )
    windows = {row: window for row in rows if (window := row.window)}
    since = frozen_since(windows.values(), at)
    near = [row for row, window in windows.items() if window.end > at]
    if since is None:
        coming = [row for row in near if row.effective_from > at]
        first = min(coming, key=lambda row: row.effective_from, default=None)
        return Frost(first, None) if first else None
    lasting = [row for row in near if at in windows[row]]
    return Frost(max(lasting, key=lambda row: windows[row].end), since)


def mark_held(wanted: PlannedPool, frost: Frost | None) -> None:
    """Which open changes a freeze holds back, for the pages; the applier asks again itself."""
    planned = Change.objects.filter(
        deployment__in=[change.deployment_id for change in wanted.changes],
        state__in=NOT_SENT,
    )
    held = [change.deployment_id for change in wanted.changes if change.is_held]
    planned.exclude(deployment__in=held).filter(held_by__isnull=False).update(held_by=None)
    if frost and held:
        planned.filter(deployment__in=held).update(held_by=frost.freeze)


@dataclass(frozen=True)
class Asked:
    """What the ledger says of one deployment at one moment, and what keeps it from being written:
    `frost` is None where nothing does.
    """

    entries: list[LedgerEntry]
    wanted: int
    frost: Frost | None


def held_by(change: Change, *, at: datetime) -> Freeze | None:
    """The freeze that holds this change back at the moment."""
    asked, deployment = asked_now(change, at=at), change.deployment
    if asked.frost is None:
        return None
    writable = asked.frost.writable(deployment, asked.entries, asked.wanted, at=at)
    return asked.frost.freeze if writable == deployment.capacity_units != asked.wanted else None


def asked_now(change: Change, *, at: datetime) -> Asked:
    """A change over an edit that somebody agreed to is neither a start nor an end: no freeze holds
    it back.
    """
    deployment = change.deployment
    entries = list(LedgerEntry.objects.applied().recent_at(at).filter(deployment=deployment))
    wanted = desired_units(entries_of(entries), at).get(deployment.pk, 0)
    pool = deployment.pool
    may_be_held = pool and wanted != deployment.capacity_units and change.agreed_at is None
    return Asked(entries, wanted, frost_of(pool, at=at) if pool and may_be_held else None)


def _steady(rows: Sequence[LedgerEntry], at: datetime) -> int:
    steady = _baselines(rows)
    return sum(row.units for row in steady if at in row.window)


def _steady_before(rows: Sequence[LedgerEntry], at: datetime) -> int:
    """The instant before: what begins then had not begun, what ends then had not ended."""
    return sum(r.units for r in _baselines(rows) if r.effective_from < at <= r.effective_until)


def _baselines(rows: Sequence[LedgerEntry]) -> list[LedgerEntry]:
    """Those without an end by nature, and what was taken back of them."""
    kinds = {row.pk: row.kind for row in rows}
    lasting = (LedgerEntry.Kind.ADOPTED, LedgerEntry.Kind.BASELINE)
    return [row for row in rows if kinds.get(row.reverses_id or row.pk) in lasting]
