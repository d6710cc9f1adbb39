"""Desired state → plan. Reads the ledger when it runs, so duplicates and overlaps are harmless.

Planning never talks to Azure and never fails half-way: it leaves rows that the applier finds.
A change that is on its way to Azure is never replaced; the next run looks again when it has ended.
"""

import logging
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet

from portal import audit
from quotas.domain.plan import (
    DRIFT,
    PlannedChange,
    PlannedPool,
    plan_pool,
)
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState, check_change_move
from quotas.models import Change, Freeze, LedgerEntry, Plan, Pool
from quotas.selectors.managed import managed
from quotas.services.change_news import tell_of_new, tell_of_stopped
from quotas.services.gates import ON_THE_WAY
from quotas.services.giving_up import gave_up_meanwhile, note_given_up
from quotas.services.holds import frost_of, mark_held
from quotas.services.kept_answers import is_yes, kept_answer
from quotas.services.standings import standings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Planned:
    """One pool's answer: the stored plan, or None when there was nothing new to plan."""

    pool: Pool
    plan: Plan | None


def plan_all(*, at: datetime) -> list[Planned]:
    """Plans every pool where Azure and the ledger differ, or a change is open.

    A second run at the same moment plans nothing new; an error in one pool stops no other.
    """
    settle_what_fits(at=at)
    planned = []
    for pool in pools_to_look_at(at=at):
        try:
            planned.append(Planned(pool, plan_for(pool, at=at)))
        except Exception:  # the next run tries again; the log says what it was
            log.exception("planning %s", pool)
    return planned


def settle_what_fits(*, at: datetime) -> int:
    """Azure has what the ledger wants, whoever put it there: from here on, only the ledger's own
    edges make a difference. So a write that landed late is taken back at its end like any other.
    """
    fitting = managed(at=at).filter(wanted=F("capacity_units"))
    return fitting.exclude(settled_units=F("capacity_units")).update(
        settled_units=F("capacity_units")
    )


def pools_to_look_at(*, at: datetime) -> QuerySet[Pool]:
    """Allocatable pools with an open change, or a managed deployment that has not what it should.

    Three sub-queries whatever the number of pools, so that a quiet half-minute costs next to
    nothing.
    """
    differing = managed(at=at).exclude(wanted=F("capacity_units"))
    open_changes = Change.objects.filter(state__in=OPEN_CHANGE_STATES)
    found: QuerySet[Pool] = Pool.objects.allocatable().filter(
        Q(pk__in=differing.values("pool")) | Q(pk__in=open_changes.values("plan__pool"))
    )
    return found


@transaction.atomic
def plan_for(pool: Pool, *, at: datetime) -> Plan | None:
    """Supersedes open changes that are no longer wanted, and stores what is newly wanted."""
    pool = Pool.objects.select_for_update().get(pk=pool.pk)
    deployments = {d.pk: d for d in pool.deployments.filter(gone_at__isnull=True)}
    recent = LedgerEntry.objects.applied().recent_at(at)
    rows = list(recent.filter(deployment_id__in=deployments))
    open_changes, frost = _open_changes(pool), frost_of(pool, at=at)
    wanted = plan_pool(standings(deployments.values(), rows, frost, at=at))
    fresh = [
        change
        for change in wanted.changes
        if _is_new(change, standing := open_changes.get(change.deployment_id), pool)
        or gave_up_meanwhile(standing, rows, at=at)
    ]
    answers = {
        change.deployment_id: kept_answer(change, open_changes.get(change.deployment_id), pool)
        for change in fresh
    }
    _supersede(open_changes, wanted, fresh, pool, at=at)
    plan = _store_new(Fresh(pool, fresh, rows, answers), wanted.stopped_because, at=at)
    mark_held(wanted, frost)
    return plan


@dataclass(frozen=True)
class Fresh:
    """What is newly wanted of a pool; `rows` of its ledger explain it, `answers` were given to the
    same before, by deployment.
    """

    pool: Pool
    changes: list[PlannedChange]
    rows: list[LedgerEntry]
    answers: dict[int, dict[str, Any]]

    def asks(self, change: PlannedChange) -> bool:
        """Whether it is an edit that nobody has said yes to."""
        return change.needs_yes == DRIFT and not is_yes(self.answers[change.deployment_id])


def _store_new(fresh: Fresh, stopped_because: str, *, at: datetime) -> Plan | None:
    edits = [change for change in fresh.changes if fresh.asks(change)]
    if not (edits and stopped_because):
        return _store(fresh, at=at) if fresh.changes else None
    # The edges of approved requests do not wait with what nobody asked for.
    own = [change for change in fresh.changes if not fresh.asks(change)]
    stopped = _store(replace(fresh, changes=edits), at=at, stopped_because=stopped_because)
    return _store(replace(fresh, changes=own), at=at) if own else stopped


def _open_changes(pool: Pool) -> dict[int, Change]:
    """By deployment, those of deployments that are gone included: nothing is wanted of them.

    Also what the former pool of a deployment left open. Locked, so that none is sent to Azure while
    it is being replaced.
    """
    here = Q(plan__pool=pool) | Q(deployment__pool=pool)
    rows = Change.objects.filter(here, state__in=OPEN_CHANGE_STATES)
    rows = rows.select_related("plan").select_for_update(of=("self",))
    return {row.deployment_id: row for row in rows}


def _is_new(change: PlannedChange, standing: Change | None, pool: Pool) -> bool:
    if standing is None:
        return True
    if standing.state in ON_THE_WAY:
        return False
    if standing.state == ChangeState.NEEDS_HUMAN and standing.sentence != change.needs_yes:
        return True  # the model came to have such an amount; a burst's end carries the yes
    same_target = (standing.from_units, standing.to_units) == (change.from_units, change.to_units)
    same_place = (standing.plan.pool_id, standing.plan.mode) == (pool.pk, pool.mode)
    return not same_target or not same_place


def _supersede(
    open_changes: dict[int, Change],
    wanted: PlannedPool,
    fresh: list[PlannedChange],
    pool: Pool,
    *,
    at: datetime,
) -> None:
    still_wanted = {c.deployment_id for c in wanted.changes} - {c.deployment_id for c in fresh}
    for deployment_id, change in open_changes.items():
        if deployment_id in still_wanted or change.state in ON_THE_WAY:
            continue
        if pool.applies and _is_there_but_not_verified(change, at):
            continue
        if move_change(change, ChangeState.SUPERSEDED, ended_at=at):
            note_given_up(change, at=at)


def _is_there_but_not_verified(change: Change, at: datetime) -> bool:
    """Sent, and Azure shows it: the applier reads it back and says so itself."""
    was_sent = change.attempts > 0 and change.state != ChangeState.NEEDS_HUMAN
    if not was_sent or change.deployment.gone_at:
        return False
    wanted = managed(at=at).filter(pk=change.deployment_id, wanted=change.to_units)
    return wanted.filter(capacity_units=change.to_units).exists()


def _store(fresh: Fresh, *, at: datetime, stopped_because: str = "") -> Plan:
    pool, count = fresh.pool, len(fresh.changes)
    plan = Plan.objects.create(
        pool=pool, made_at=at, mode=pool.mode, stopped_because=stopped_because
    )
    for position, change in enumerate(fresh.changes):
        needs_yes = change.needs_yes
        facts = {
            "from_units": change.from_units,
            "to_units": max(0, change.to_units),
            "settled_units": change.settled_units,
            "because": because(change, fresh.rows, at=at),
            "state": ChangeState.NEEDS_HUMAN if needs_yes else ChangeState.PLANNED,
            "sentence": needs_yes,
            "not_before": at,
            "planned_at": at,
            **fresh.answers[change.deployment_id],
        }
        where = {"deployment_id": change.deployment_id, "position": position}
        tell_of_new(Change.objects.create(plan=plan, **where, **facts), at=at)
    tell_of_stopped(plan, at=at)
    audit.record("plan.made", f"plan/{plan.pk}", actor_id=None, at=at, pool=pool.pk, changes=count)
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
    """The next ledger edge, retry or end of a freeze, for the stepper: nothing changes between two
    of them.
    """
    moments = [
        _first(LedgerEntry.objects, "effective_from", after),
        _first(LedgerEntry.objects, "effective_until", after),
        _first(Change.objects.filter(state__in=OPEN_CHANGE_STATES), "not_before", after),
        _first(Freeze.objects, "effective_until", after),
    ]
    return min((m for m in moments if m is not None), default=None)


def _first(rows: Any, field: str, after: datetime) -> datetime | None:
    later = rows.filter(**{f"{field}__gt": after}).order_by(field)
    found: datetime | None = later.values_list(field, flat=True).first()
    return found
