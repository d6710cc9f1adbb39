"""Desired capacity into Azure: one step of one change at a time, resumable by any process.

A write is absolute, preceded by a read-back, and sent at most once. After a crash the successor
reads back, goes on with the stored operation if there is one, and only then writes again. Approved,
applied and verified stay three facts: a change succeeds only when Azure, read again, has it.
"""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from portal import audit
from portal.kernel.errors import CloudError, CloudReason
from quotas.domain.states import ChangeState
from quotas.gateway import CapacityGateway, DeploymentSeen
from quotas.models import Change, Deployment
from quotas.services import gates, leases
from quotas.services.due import due_changes
from quotas.services.gates import ON_THE_WAY
from quotas.services.giving_up import note_given_up
from quotas.services.hands import Hand, is_ready, read_back, request_id_of
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


# Below the half-minute between two runs, so that the next one finds the worker free.
BUDGET_SECONDS = 28.0
FOR_A_WRITE = ("deployment__account", "deployment__pool", "plan")
UNEXPECTED = (
    "Something went wrong inside Headroom that nobody foresaw; the log has it. It is tried again."
)
BUSY = "Azure is still busy with this deployment."
OTHER_SKU = (
    "Its SKU was changed in Azure a moment ago. Headroom changes capacity only: this waits until "
    "the inventory has been read again."
)


@dataclass(frozen=True)
class Stepped:
    """How many steps were made; when what is out is to be asked about; whether something is due
    that could not be stepped, as it waits for a shrink or for whoever has the account's lease.
    """

    steps: int = 0
    again_at: datetime | None = None
    waits: bool = False


def apply_due(*, gateway: CapacityGateway, now: Callable[[], datetime]) -> int:
    """Steps every due change until none is due or the time budget is spent. Returns the steps made.

    `now` is asked before each step (this is called from doors only). An error on one change never
    stops the others; what the budget left out is due longest, so the next run begins with it.
    """
    deadline = time.monotonic() + BUDGET_SECONDS
    return step_due(gateway=gateway, now=now, deadline=deadline).steps


def step_due(
    *,
    gateway: CapacityGateway,
    now: Callable[[], datetime],
    deadline: float,
    account_id: int | None = None,
) -> Stepped:
    """As `apply_due`, of one account where it is named, until `deadline` on the monotonic clock."""
    steps, out = 0, dict[int, Change]()
    while True:
        before, in_vain = steps, set[tuple[int, int, bool]]()
        for change in due_changes(now(), account_id=account_id):
            if time.monotonic() > deadline:
                return Stepped(steps)
            like = (change.deployment.account_id, change.plan.pool_id, change.is_shrink)
            if like in in_vain and change.state not in ON_THE_WAY:
                continue  # it waits for the same: a write that is out, a lease, a shrink
            is_made = step(change, gateway=gateway, now=now)
            steps += is_made
            out.pop(change.pk, None)
            if change.state in ON_THE_WAY:
                out[change.pk] = change
            if not is_made or change.state in gates.OUT:
                in_vain.add(like)
        is_busy = account_id is not None and _is_busy(out.values(), at=now())
        if steps == before or is_busy:
            again_at = min((change.not_before for change in out.values()), default=None)
            return Stepped(steps, again_at, waits=bool(in_vain) and not is_busy)


def _is_busy(out: Iterable[Change], *, at: datetime) -> bool:
    """A write is out, and nothing is to be asked about yet: no other change can be stepped."""
    return any(c.state in gates.OUT for c in out) and all(c.not_before > at for c in out)


def step(change: Change, *, gateway: CapacityGateway, now: Callable[[], datetime]) -> bool:
    """One step; False when nothing could be done now (account busy, or a shrink goes first)."""
    at, is_new_grow = now(), not change.is_shrink and change.state not in ON_THE_WAY
    if is_new_grow and gates.shrinks_go_first(change):
        return False
    with leases.held(change.deployment.account_id) as holder:
        if holder is None:
            return False
        related = ("deployment",) if change.state in ON_THE_WAY else FOR_A_WRITE
        change.refresh_from_db(from_queryset=Change.objects.select_related(*related))
        if change.state not in _STEPS or change.not_before > at:
            return False
        is_sent = change.state in ON_THE_WAY
        if not is_sent and gates.write_is_out(change.deployment.account_id).exists():
            return False
        try:
            _STEPS[ChangeState(change.state)](change, Hand(gateway, holder, at, now))
        except CloudError as error:
            note_refusal(change, with_places(change, error, gateway=gateway), at=at)
        except Exception:  # whatever it is, the other changes must not wait for it
            log.exception("change %s", change.pk)
            change.refresh_from_db()
            unknown = CloudError(CloudReason.UNKNOWN, UNEXPECTED, maybe_applied=True)
            note_refusal(change, unknown, at=at)
    return True


def _begin(change: Change, hand: Hand) -> None:
    """From planned or a wait: read back, and write only what is still wanted."""
    seen = read_back(change, hand)
    is_there = seen.capacity_units == change.to_units
    if is_there and is_ready(seen):
        _settle(change, seen, at=hand.at)
    elif units_to_write(change, at=hand.at) != change.to_units:
        _replace(change, hand.at)
    elif not is_there and seen.capacity_units != change.from_units:
        # Somebody was here since the plan: the next plan starts from what there is now.
        _replace(change, hand.at)
    elif seen.sku_name.lower() != change.deployment.sku_name.lower():
        wait(change, FIRST_WAIT, at=hand.at, sentence=OTHER_SKU)
    elif is_there or not is_ready(seen):
        wait(change, FIRST_WAIT, at=hand.at, sentence=BUSY)
    else:
        _write(change, hand)


@transaction.atomic
def _replace(change: Change, at: datetime) -> None:
    if move_change(change, ChangeState.SUPERSEDED, ended_at=at):
        note_given_up(change, at=at)


@transaction.atomic
def _may_write(change: Change, hand: Hand) -> bool:
    """Marks the change as being written, if at this very moment it may be. Committed before the
    call, so that a successor of a killed writer knows that a write may be out.
    """
    # The read-back may have taken longer than the lease.
    if not leases.renew(change.deployment.account_id, hand.holder):
        return False
    if not gates.lock_if_applying(change, at=hand.at):
        return False
    if not change.is_shrink and (missing := gates.missing_room(change)):
        wait(change, FIRST_WAIT, at=hand.at, sentence=gates.NO_ROOM_YET.format(missing))
        return False
    return move_change(
        change, ChangeState.WRITING, attempts=change.attempts + 1, operation="", not_before=hand.at
    )


def _write(change: Change, hand: Hand) -> None:
    check_capacity(change, gateway=hand.gateway)
    if not _may_write(change, hand):
        return
    answer = hand.gateway.begin_write(
        change.deployment.resource_id,
        sku_name=change.deployment.sku_name,
        units=change.to_units,
        request_id=request_id_of(change),
    )
    if not leases.is_ours(change.deployment.account_id, hand.holder):
        return
    if answer.done:
        move_change(change, ChangeState.VERIFYING, written_at=hand.at, not_before=hand.at)
        return
    move_change(
        change,
        ChangeState.POLLING,
        operation=answer.operation,
        written_at=hand.at,
        not_before=hand.next_poll(answer, written_at=hand.at),
    )


def _resume(change: Change, hand: Hand) -> None:
    """A writer died in the middle of its call: read back first, then write again if need be."""
    seen = read_back(change, hand)
    if seen.capacity_units == change.to_units:
        move_change(change, ChangeState.VERIFYING, written_at=hand.at)
        if is_ready(seen):
            _settle(change, seen, at=hand.at)
        return
    move_change(change, ChangeState.RETRY_WAIT, not_before=hand.at)


def _poll(change: Change, hand: Hand) -> None:
    answer = hand.gateway.poll(
        change.deployment.resource_id, change.operation, request_id=request_id_of(change)
    )
    if not leases.is_ours(change.deployment.account_id, hand.holder):
        return
    if answer.done or _is_endless(change, hand.at):
        if move_change(change, ChangeState.VERIFYING, not_before=hand.at):
            _verify(change, hand)
    else:
        move_change(
            change,
            ChangeState.POLLING,
            operation=answer.operation or change.operation,
            not_before=hand.next_poll(answer, written_at=change.written_at or hand.at),
        )


def _is_endless(change: Change, at: datetime) -> bool:
    """Whether what Azure has says more by now than that the operation still runs."""
    return change.written_at is not None and at - change.written_at >= LONGEST_OPERATION


def _verify(change: Change, hand: Hand) -> None:
    seen = read_back(change, hand)
    if seen.capacity_units == change.to_units and is_ready(seen):
        _settle(change, seen, at=hand.at)
    elif change.written_at and hand.at - change.written_at < PROPAGATION:
        mine = Change.objects.filter(pk=change.pk, state=change.state)
        change.not_before = hand.at + FIRST_WAIT
        mine.update(not_before=change.not_before)
    else:
        sentence = f"Azure took the write but still shows {seen.capacity_units} units."
        if seen.capacity_units == change.to_units:
            sentence = (
                f"Azure shows {seen.capacity_units} units, but not that they are ready: it says "
                f"“{seen.provisioning_state}”."
            )
        wait(change, wait_after(change.attempts), at=hand.at, sentence=sentence)


_STEPS: dict[ChangeState, Callable[[Change, Hand], None]] = {
    ChangeState.PLANNED: _begin,
    ChangeState.RETRY_WAIT: _begin,
    ChangeState.BLOCKED: _begin,
    ChangeState.WRITING: _resume,
    ChangeState.POLLING: _poll,
    ChangeState.VERIFYING: _verify,
}


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
