"""Desired capacity into Azure: one step of one change at a time, resumable by any process.

A write is absolute, preceded by a read-back, and sent at most once. After a crash the successor
reads back, goes on with the stored operation if there is one, and only then writes again. Approved,
applied and verified stay three facts: a change succeeds only when Azure, read again, has it.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Sum

from portal import audit
from portal.kernel.errors import CloudError, CloudReason
from quotas.domain.ledger import desired_units
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.gateway import CapacityGateway, DeploymentSeen
from quotas.models import Change, Deployment, LedgerEntry, Pool, PoolLimit
from quotas.selectors.rooms import entries_of
from quotas.services import leases
from quotas.services.reconcile import ON_THE_WAY, move_change

BUDGET_SECONDS = 20.0
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=15), timedelta(minutes=15)
# Azure may take this long until a read shows a new capacity.
PROPAGATION = timedelta(minutes=15)
READY_STATES = {"succeeded"}
NO_ROOM_YET = (
    "Other deployments of the pool still have {} units more than they should; this waits until "
    "they have given them back."
)
# What waiting alone will not mend, so it is looked at less often; end edges are retried for ever.
BLOCKING = {
    CloudReason.INSUFFICIENT_QUOTA,
    CloudReason.CAPACITY_NOT_AVAILABLE,
    CloudReason.FORBIDDEN,
    CloudReason.NOT_FOUND,
    CloudReason.BAD_REQUEST,
}


def apply_due(*, gateway: CapacityGateway, now: Callable[[], datetime]) -> int:
    """Steps every due change until none is due or the time budget is spent. Returns the steps made.

    `now` is asked before each step (this is called from doors only). An error on one change never
    stops the others.
    """
    started, steps = time.monotonic(), 0
    while time.monotonic() - started < BUDGET_SECONDS:
        at = now()
        stepped = [step(change, gateway=gateway, at=at) for change in due_changes(at)]
        if not any(stepped):
            return steps
        steps += sum(stepped)
    return steps


def due_changes(at: datetime) -> list[Change]:
    """Open changes of applying pools whose time has come: shrinks before grows in every pool."""
    rows = (
        Change.objects.filter(
            state__in=OPEN_CHANGE_STATES - {ChangeState.NEEDS_HUMAN},
            not_before__lte=at,
            plan__mode=Pool.Mode.APPLY,
            plan__pool__mode=Pool.Mode.APPLY,
            plan__stopped_because="",
        )
        .select_related("deployment__account", "deployment__pool", "plan")
        .order_by("position", "pk")
    )
    return sorted(rows, key=lambda change: not change.is_shrink)


def step(change: Change, *, gateway: CapacityGateway, at: datetime) -> bool:
    """One step; False when nothing could be done now (account busy, or a shrink goes first)."""
    if not change.is_shrink and change.state not in ON_THE_WAY:
        if _shrinks_go_first(change):
            return False
        if missing := _missing_room(change):
            _wait(change, FIRST_WAIT, at=at, sentence=NO_ROOM_YET.format(missing))
            return False
    with leases.held(change.deployment.account_id) as holder:
        if holder is None:
            return False
        change.refresh_from_db()
        if change.state not in OPEN_CHANGE_STATES or change.not_before > at:
            return False
        try:
            _STEPS[ChangeState(change.state)](change, gateway, holder, at)
        except CloudError as error:
            _note_refusal(change, error, at=at)
    return True


def _shrinks_go_first(change: Change) -> bool:
    """A grow waits while shrinks of its pool are under way; not for one that Azure refused."""
    return Change.objects.filter(
        plan__pool_id=change.plan.pool_id,
        plan__stopped_because="",
        state__in=[ChangeState.PLANNED, *ON_THE_WAY],
        to_units__lt=F("from_units"),
    ).exists()


def _missing_room(change: Change) -> int:
    """Units by which this write would exceed the limit that Azure last told; 0 when it fits."""
    limit = PoolLimit.objects.filter(pool_id=change.plan.pool_id).first()
    held = Deployment.objects.present().filter(pool_id=change.plan.pool_id)
    total = held.aggregate(units=Sum("capacity_units"))["units"] or 0
    room = limit.limit_units - limit.outside_units - total if limit else 0
    return max(0, change.to_units - change.from_units - room)


def _begin(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    """From planned or a wait: read back, and write only what is still wanted."""
    seen = _read_back(change, gateway, at)
    if seen.capacity_units == change.to_units and _is_ready(seen):
        _settle(change, seen, at=at)
    elif _wanted_now(change.deployment, at) != change.to_units:
        move_change(change, ChangeState.SUPERSEDED, ended_at=at)
    elif seen.capacity_units != change.from_units:
        # Somebody was here since the plan: the next plan starts from what there is now.
        move_change(change, ChangeState.SUPERSEDED, ended_at=at)
    elif not _is_ready(seen):
        _wait(change, FIRST_WAIT, at=at, sentence="Azure is still busy with this deployment.")
    else:
        _write(change, gateway, holder, at)


def _write(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    # Committed before the call: a successor of a killed writer knows that a write may be out.
    if not move_change(
        change, ChangeState.WRITING, attempts=change.attempts + 1, operation="", not_before=at
    ):
        return
    answer = gateway.begin_write(
        change.deployment.resource_id,
        sku_name=change.deployment.sku_name,
        units=change.to_units,
        request_id=request_id_of(change),
    )
    if not leases.is_ours(change.deployment.account_id, holder):
        return
    if answer.done:
        move_change(change, ChangeState.VERIFYING, written_at=at, not_before=at)
        return
    move_change(
        change,
        ChangeState.POLLING,
        operation=answer.operation,
        written_at=at,
        not_before=at + answer.retry_after,
    )


def _resume(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    """A writer died in the middle of its call: read back first, then write again if need be."""
    seen = _read_back(change, gateway, at)
    if seen.capacity_units == change.to_units:
        move_change(change, ChangeState.VERIFYING, written_at=at)
        if _is_ready(seen):
            _settle(change, seen, at=at)
        return
    move_change(change, ChangeState.RETRY_WAIT, not_before=at)


def _poll(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    answer = gateway.poll(
        change.deployment.resource_id, change.operation, request_id=request_id_of(change)
    )
    if not leases.is_ours(change.deployment.account_id, holder):
        return
    if answer.done:
        move_change(change, ChangeState.VERIFYING, not_before=at)
    else:
        move_change(
            change,
            ChangeState.POLLING,
            operation=answer.operation or change.operation,
            not_before=at + answer.retry_after,
        )


def _verify(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    seen = _read_back(change, gateway, at)
    if seen.capacity_units == change.to_units and _is_ready(seen):
        _settle(change, seen, at=at)
    elif change.written_at and at - change.written_at < PROPAGATION:
        Change.objects.filter(pk=change.pk, state=change.state).update(not_before=at + FIRST_WAIT)
    else:
        sentence = f"Azure took the write but still shows {seen.capacity_units} units."
        _wait(change, wait_after(change.attempts), at=at, sentence=sentence)


_STEPS: dict[ChangeState, Callable[[Change, CapacityGateway, str, datetime], None]] = {
    ChangeState.PLANNED: _begin,
    ChangeState.RETRY_WAIT: _begin,
    ChangeState.BLOCKED: _begin,
    ChangeState.WRITING: _resume,
    ChangeState.POLLING: _poll,
    ChangeState.VERIFYING: _verify,
}


def _read_back(change: Change, gateway: CapacityGateway, at: datetime) -> DeploymentSeen:
    seen = gateway.read(change.deployment.resource_id)
    Deployment.objects.filter(pk=change.deployment_id).update(
        capacity_units=seen.capacity_units,
        provisioning_state=seen.provisioning_state,
        observed_at=at,
    )
    change.deployment.capacity_units = seen.capacity_units
    return seen


def _is_ready(seen: DeploymentSeen) -> bool:
    """Azure shows a capacity that was asked for before it is there; only this state means it is."""
    return seen.provisioning_state.lower() in READY_STATES


def _wanted_now(deployment: Deployment, at: datetime) -> int:
    rows = LedgerEntry.objects.filter(deployment=deployment)
    return desired_units(entries_of(rows), at).get(deployment.pk, 0)


@transaction.atomic
def _settle(change: Change, seen: DeploymentSeen, *, at: datetime) -> None:
    """Read back and equal: verified. The one place where a change succeeds."""
    if change.state != ChangeState.VERIFYING:
        move_change(change, ChangeState.VERIFYING)
    moved = move_change(
        change,
        ChangeState.SUCCEEDED,
        verified_at=at,
        ended_at=at,
        read_back_units=seen.capacity_units,
        operation="",
        sentence="",
    )
    if not moved:
        return
    Deployment.objects.filter(pk=change.deployment_id).update(settled_units=seen.capacity_units)
    audit.record(
        "change.succeeded",
        f"change/{change.pk}",
        actor_id=None,
        at=at,
        deployment=change.deployment_id,
        units=seen.capacity_units,
    )


def _note_refusal(change: Change, error: CloudError, *, at: datetime) -> None:
    """Keeps what Azure answered, and when to try again.

    Every change stays open until it is settled.
    """
    if error.maybe_applied and change.state in {ChangeState.WRITING, ChangeState.POLLING}:
        # No answer came: a write is read back before anything else, an operation is asked again.
        Change.objects.filter(pk=change.pk, state=change.state).update(
            not_before=at + FIRST_WAIT, error_reason=error.reason, sentence=error.sentence
        )
        return
    state = ChangeState.BLOCKED if error.reason in BLOCKING else ChangeState.RETRY_WAIT
    wait = max(error.retry_after or timedelta(0), wait_after(change.attempts))
    first_time = change.error_reason != error.reason
    move_change(
        change,
        state,
        not_before=at + wait,
        error_reason=error.reason,
        azure_code=error.azure_code[:80],
        azure_message=error.azure_message,
        sentence=error.sentence,
        operation="",
    )
    if first_time:
        audit.record(
            "change.refused",
            f"change/{change.pk}",
            actor_id=None,
            at=at,
            reason=error.reason,
            azure_code=error.azure_code,
        )


def _wait(change: Change, wait: timedelta, *, at: datetime, sentence: str) -> None:
    move_change(change, ChangeState.RETRY_WAIT, not_before=at + wait, sentence=sentence)


def wait_after(attempts: int) -> timedelta:
    """15 s, doubled with each attempt, 15 minutes at most."""
    doublings: int = min(attempts, 10)
    return min(FIRST_WAIT * (1 << doublings), LONGEST_WAIT)


def request_id_of(change: Change) -> str:
    """Shown in Azure's activity log as the client's request id: finds our change from Azure's
    side.
    """
    return f"headroom-change-{change.pk}-{change.attempts}"
