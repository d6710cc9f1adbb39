"""Desired capacity into Azure: one step of one change at a time, resumable by any process.

A write is absolute, preceded by a read-back, and sent at most once. After a crash the successor
reads back, goes on with the stored operation if there is one, and only then writes again. Approved,
applied and verified stay three facts: a change succeeds only when Azure, read again, has it.
"""

import logging
import time
from collections.abc import Callable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from portal import audit
from portal.kernel.errors import CloudError, CloudReason
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.gateway import CapacityGateway, DeploymentSeen
from quotas.models import Change, Deployment
from quotas.services import gates, leases
from quotas.services.gates import ON_THE_WAY
from quotas.services.giving_up import note_given_up
from quotas.services.reconcile import move_change
from quotas.services.region_capacity import check_capacity, with_places
from quotas.services.retries import (
    FIRST_WAIT,
    LONGEST_OPERATION,
    PROPAGATION,
    note_refusal,
    wait,
    wait_after,
)
from quotas.services.standings import units_to_write

log = logging.getLogger(__name__)

BUDGET_SECONDS = 20.0
READY_STATES = {"succeeded"}
UNEXPECTED = (
    "Something went wrong inside Headroom that nobody foresaw; the log has it. It is tried again."
)
BUSY = "Azure is still busy with this deployment."
OTHER_SKU = (
    "Its SKU was changed in Azure a moment ago. Headroom changes capacity only: this waits until "
    "the inventory has been read again."
)


def apply_due(
    *,
    gateway: CapacityGateway,
    now: Callable[[], datetime],
    account_id: int | None = None,
    deadline: float | None = None,
) -> int:
    """Steps every due change (of one account, where that is named) until none is due or the time
    budget is spent: at `deadline`, in seconds of the monotonic clock, where that is named. Returns
    the steps made.

    `now` is asked before each pass (this is called from doors only). An error on one change never
    stops the others; what the budget left out is due longest, so the next run begins with it.
    """
    steps = 0
    if deadline is None:
        deadline = time.monotonic() + BUDGET_SECONDS
    while True:
        at, before = now(), steps
        for change in due_changes(at, account_id=account_id):
            if time.monotonic() > deadline:
                return steps
            steps += step(change, gateway=gateway, at=at)
        if steps == before:
            return steps


def due_changes(at: datetime, *, account_id: int | None = None) -> list[Change]:
    """Open changes whose time has come: shrinks before grows, then who has been due longest.

    Writes are for applying pools only, and wait while another one is out to their account; what is
    on its way is read back in any pool.
    """
    is_free = ~Exists(gates.write_is_out(OuterRef("deployment__account")))
    rows = (
        Change.objects.filter(
            Q(is_free, gates.may_be_written()) | Q(state__in=ON_THE_WAY),
            state__in=OPEN_CHANGE_STATES - {ChangeState.NEEDS_HUMAN},
            not_before__lte=at,
        )
        .select_related("deployment__account", "deployment__pool", "plan")
        .order_by("not_before", "position", "pk")
    )
    if account_id is not None:
        rows = rows.filter(deployment__account=account_id)
    return sorted(rows, key=lambda change: not change.is_shrink)


def step(change: Change, *, gateway: CapacityGateway, at: datetime) -> bool:
    """One step; False when nothing could be done now (account busy, or a shrink goes first)."""
    is_new_grow = not change.is_shrink and change.state not in ON_THE_WAY
    if is_new_grow and gates.shrinks_go_first(change):
        return False
    with leases.held(change.deployment.account_id) as holder:
        if holder is None:
            return False
        change.refresh_from_db()
        if change.state not in _STEPS or change.not_before > at:
            return False
        is_sent = change.state in ON_THE_WAY
        if not is_sent and gates.write_is_out(change.deployment.account_id).exists():
            return False
        try:
            _STEPS[ChangeState(change.state)](change, gateway, holder, at)
        except CloudError as error:
            note_refusal(change, with_places(change, error, gateway=gateway), at=at)
        except Exception:  # whatever it is, the other changes must not wait for it
            log.exception("change %s", change.pk)
            change.refresh_from_db()
            unknown = CloudError(CloudReason.UNKNOWN, UNEXPECTED, maybe_applied=True)
            note_refusal(change, unknown, at=at)
    return True


def _begin(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    """From planned or a wait: read back, and write only what is still wanted."""
    seen = _read_back(change, gateway, at)
    is_there = seen.capacity_units == change.to_units
    if is_there and _is_ready(seen):
        _settle(change, seen, at=at)
    elif units_to_write(change, at=at) != change.to_units:
        _replace(change, at)
    elif not is_there and seen.capacity_units != change.from_units:
        # Somebody was here since the plan: the next plan starts from what there is now.
        _replace(change, at)
    elif seen.sku_name.lower() != change.deployment.sku_name.lower():
        wait(change, FIRST_WAIT, at=at, sentence=OTHER_SKU)
    elif is_there or not _is_ready(seen):
        wait(change, FIRST_WAIT, at=at, sentence=BUSY)
    else:
        _write(change, gateway, holder, at)


@transaction.atomic
def _replace(change: Change, at: datetime) -> None:
    if move_change(change, ChangeState.SUPERSEDED, ended_at=at):
        note_given_up(change, at=at)


@transaction.atomic
def _may_write(change: Change, holder: str, at: datetime) -> bool:
    """Marks the change as being written, if at this very moment it may be. Committed before the
    call, so that a successor of a killed writer knows that a write may be out.
    """
    # The read-back may have taken longer than the lease.
    if not leases.renew(change.deployment.account_id, holder):
        return False
    if not gates.lock_if_applying(change, at=at):
        return False
    if not change.is_shrink and (missing := gates.missing_room(change)):
        wait(change, FIRST_WAIT, at=at, sentence=gates.NO_ROOM_YET.format(missing))
        return False
    return move_change(
        change, ChangeState.WRITING, attempts=change.attempts + 1, operation="", not_before=at
    )


def _write(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    check_capacity(change, gateway=gateway)
    if not _may_write(change, holder, at):
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
    if answer.done or _is_endless(change, at):
        move_change(change, ChangeState.VERIFYING, not_before=at)
    else:
        move_change(
            change,
            ChangeState.POLLING,
            operation=answer.operation or change.operation,
            not_before=at + answer.retry_after,
        )


def _is_endless(change: Change, at: datetime) -> bool:
    """Whether what Azure has says more by now than that the operation still runs."""
    return change.written_at is not None and at - change.written_at >= LONGEST_OPERATION


def _verify(change: Change, gateway: CapacityGateway, holder: str, at: datetime) -> None:
    seen = _read_back(change, gateway, at)
    if seen.capacity_units == change.to_units and _is_ready(seen):
        _settle(change, seen, at=at)
    elif change.written_at and at - change.written_at < PROPAGATION:
        Change.objects.filter(pk=change.pk, state=change.state).update(not_before=at + FIRST_WAIT)
    else:
        sentence = f"Azure took the write but still shows {seen.capacity_units} units."
        if seen.capacity_units == change.to_units:
            sentence = (
                f"Azure shows {seen.capacity_units} units, but not that they are ready: it says "
                f"“{seen.provisioning_state}”."
            )
        wait(change, wait_after(change.attempts), at=at, sentence=sentence)


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


def request_id_of(change: Change) -> str:
    """Shown in Azure's activity log as the client's request id: finds our change from Azure's
    side.
    """
    return f"headroom-change-{change.pk}-{change.attempts}"
