"""Desired state → plan. Reads the ledger when it runs, so duplicates and overlaps are harmless.

Planning never talks to Azure and never fails half-way: it leaves rows that the applier finds.
A change that is on its way to Azure is never replaced; the next run looks again when it has ended.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from portal import audit
from quotas.domain.ledger import desired_units
from quotas.domain.plan import PlannedChange, PlannedPool, Standing, plan_pool
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState, check_change_move
from quotas.models import Change, Deployment, LedgerEntry, Plan, Pool
from quotas.selectors.rooms import entries_of

# Entries that ended before this explain nothing any more; what is in force is always in.
LOOK_BACK = timedelta(days=90)
# Azure may have these already; they end by themselves and are looked at again afterwards.
ON_THE_WAY = (ChangeState.WRITING, ChangeState.POLLING, ChangeState.VERIFYING)


@dataclass(frozen=True)
class Planned:
    """One pool's answer: the stored plan, or None when there was nothing new to plan."""

    pool: Pool
    plan: Plan | None


def plan_all(*, at: datetime) -> list[Planned]:
    """Plans every pool where Azure and the ledger differ, or a change is open.

    A second run at the same moment plans nothing new.
    """
    return [Planned(pool, plan_for(pool, at=at)) for pool in pools_to_look_at(at=at)]


def pools_to_look_at(*, at: datetime) -> QuerySet[Pool]:
    """Allocatable pools with an open change, or a managed deployment that has not what it should.

    Three sub-queries whatever the number of pools, so that a quiet half-minute costs next to
    nothing.
    """
    mine = LedgerEntry.objects.filter(deployment=OuterRef("pk"))
    held = mine.in_force_at(at).order_by().values("deployment").annotate(units=Sum("units"))
    differing = (
        Deployment.objects.present()
        .filter(Exists(mine))
        .annotate(wanted=Coalesce(Subquery(held.values("units")), 0))
        .exclude(wanted=F("capacity_units"))
    )
    open_changes = Change.objects.filter(state__in=OPEN_CHANGE_STATES)
    return Pool.objects.allocatable().filter(
        Q(pk__in=differing.values("pool")) | Q(pk__in=open_changes.values("plan__pool"))
    )


@transaction.atomic
def plan_for(pool: Pool, *, at: datetime) -> Plan | None:
    """Supersedes open changes that are no longer wanted, and stores what is newly wanted."""
    Pool.objects.select_for_update().get(pk=pool.pk)
    deployments = {d.pk: d for d in pool.deployments.filter(gone_at__isnull=True)}
    recent = LedgerEntry.objects.filter(effective_until__gt=at - LOOK_BACK)
    rows = list(recent.filter(pool=pool, deployment_id__in=deployments))
    open_changes = _open_changes(pool)
    wanted = plan_pool(standings(deployments.values(), rows, at=at))
    fresh = [c for c in wanted.changes if _is_new(c, open_changes.get(c.deployment_id), pool)]
    _supersede(open_changes, wanted, fresh, at=at)
    return _store(pool, wanted, fresh, rows, at=at) if fresh else None


def standings(
    deployments: Iterable[Deployment], rows: list[LedgerEntry], *, at: datetime
) -> list[Standing]:
    """Managed deployments only: one without any entry is never written."""
    entries = entries_of(rows)
    wanted = desired_units(entries, at)
    return [
        Standing(
            deployment_id=d.pk,
            wanted_units=wanted[d.pk],
            actual_units=d.capacity_units,
            settled_units=d.settled_units,
            is_provisioned=d.is_provisioned,
            release_is_agreed=_release_is_agreed(d, rows, wanted[d.pk], at=at),
        )
        for d in deployments
        if d.pk in wanted
    ]


def _release_is_agreed(
    deployment: Deployment, rows: list[LedgerEntry], wanted: int, *, at: datetime
) -> bool:
    """Whether approved bursts that are over explain the whole decrease: they carried the yes."""
    ended = sum(
        row.units
        for row in rows
        if row.deployment_id == deployment.pk
        and row.kind == LedgerEntry.Kind.BURST
        and (row.effective_until <= at or _is_given_back(row, rows, at))
    )
    return deployment.capacity_units - wanted <= ended


def _is_given_back(entry: LedgerEntry, rows: list[LedgerEntry], at: datetime) -> bool:
    return any(row.reverses_id == entry.pk and row.effective_from <= at for row in rows)


def _open_changes(pool: Pool) -> dict[int, Change]:
    """By deployment, those of deployments that are gone included: nothing is wanted of them."""
    rows = Change.objects.filter(plan__pool=pool, state__in=OPEN_CHANGE_STATES)
    rows = rows.select_related("plan")
    return {row.deployment_id: row for row in rows}


def _is_new(change: PlannedChange, standing: Change | None, pool: Pool) -> bool:
    if standing is None:
        return True
    if standing.state in ON_THE_WAY:
        return False
    same_target = (standing.from_units, standing.to_units) == (change.from_units, change.to_units)
    return not same_target or standing.plan.mode != pool.mode


def _supersede(
    open_changes: dict[int, Change],
    wanted: PlannedPool,
    fresh: list[PlannedChange],
    *,
    at: datetime,
) -> None:
    still_wanted = {c.deployment_id for c in wanted.changes} - {c.deployment_id for c in fresh}
    for deployment_id, change in open_changes.items():
        if deployment_id in still_wanted or change.state in ON_THE_WAY:
            continue
        move_change(change, ChangeState.SUPERSEDED, ended_at=at)


def _store(
    pool: Pool,
    wanted: PlannedPool,
    fresh: list[PlannedChange],
    rows: list[LedgerEntry],
    *,
    at: datetime,
) -> Plan:
    plan = Plan.objects.create(
        pool=pool, made_at=at, mode=pool.mode, stopped_because=wanted.stopped_because
    )
    for position, change in enumerate(fresh):
        needs_yes = change.needs_yes
        Change.objects.create(
            plan=plan,
            deployment_id=change.deployment_id,
            position=position,
            from_units=change.from_units,
            to_units=max(0, change.to_units),
            because=because(change, rows, at=at),
            state=ChangeState.NEEDS_HUMAN if needs_yes else ChangeState.PLANNED,
            sentence=needs_yes,
            not_before=at,
            planned_at=at,
        )
    audit.record(
        "plan.made", f"plan/{plan.pk}", actor_id=None, at=at, pool=pool.pk, changes=len(fresh)
    )
    return plan


def because(
    change: PlannedChange, rows: list[LedgerEntry], *, at: datetime
) -> list[dict[str, Any]]:
    """The requests whose edges explain the change: running ones for a grow, ended for a shrink."""
    mine = [row for row in rows if row.deployment_id == change.deployment_id and row.request_id]
    if change.delta > 0:
        return [
            {"request": row.request_id, "edge": "start"}
            for row in mine
            if row.units > 0 and at in row.window
        ]
    return [
        {"request": row.request_id, "edge": "end"}
        for row in mine
        if (row.units > 0 and row.effective_until <= at)
        or (row.units < 0 and row.effective_from <= at)
    ][-3:]


def move_change(change: Change, new: ChangeState, **fields: Any) -> bool:
    """Compare-and-swap; False when somebody else moved it first (then nothing is written)."""
    old = ChangeState(change.state)
    check_change_move(old, new)
    rows = Change.objects.filter(pk=change.pk, state=old)
    if not rows.update(state=new, **fields):
        return False
    change.state = new
    for name, value in fields.items():
        setattr(change, name, value)
    return True


def next_due_moment(*, after: datetime) -> datetime | None:
    """The next ledger edge or retry, for the stepper: nothing changes between two of them."""
    rows = LedgerEntry.objects
    moments = [
        rows.filter(effective_from__gt=after)
        .order_by("effective_from")
        .values_list("effective_from", flat=True)
        .first(),
        rows.filter(effective_until__gt=after)
        .order_by("effective_until")
        .values_list("effective_until", flat=True)
        .first(),
        Change.objects.filter(state__in=OPEN_CHANGE_STATES, not_before__gt=after)
        .order_by("not_before")
        .values_list("not_before", flat=True)
        .first(),
    ]
    return min((m for m in moments if m is not None), default=None)
