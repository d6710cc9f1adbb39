"""What must hold at the very moment a write goes out: the account is free, the pool applies,
shrinks went, it fits.

The account is asked under its lease. The rest is asked under the pool's lock, in the transaction
that marks the change as being written, so that two workers never both count on the same free units.
"""

from datetime import datetime
from typing import Any

from django.db.models import Exists, F, Q, QuerySet, Sum

from quotas.domain.states import ChangeState
from quotas.models import Change, Deployment, KillSwitch, Pool, PoolLimit
from quotas.services import holds, kill_switch

# Azure may have these already; they end by themselves and are looked at again afterwards.
ON_THE_WAY = (ChangeState.WRITING, ChangeState.POLLING, ChangeState.VERIFYING)
# Azure is carrying one of these out, or may be; a second write to the same account is refused.
OUT = (ChangeState.WRITING, ChangeState.POLLING)
NO_ROOM_YET = (
    "The pool is {} units short: other deployments still have more than they should, or Azure "
    "lowered the limit. This waits until they have given them back."
)


def is_let_by_plan() -> Q:
    """Of changes: those whose plan goes on. A plan that stopped asks about edits that nothing
    explains; a yes to one of them lets that one go, and the others go on waiting.
    """
    return Q(plan__stopped_because="") | Q(agreed_at__isnull=False)


def may_be_written() -> Q:
    """Of changes: those that are not on their way and whose pool and plan let them be written.
    None while the kill switch is on; none that a freeze holds back.
    """
    return Q(
        ~Exists(KillSwitch.objects.on()),
        is_let_by_plan(),
        plan__mode=Pool.Mode.APPLY,
        plan__pool__mode=Pool.Mode.APPLY,
        held_by__isnull=True,
    )


def lock_if_applying(change: Change, *, at: datetime) -> bool:
    """Locks the pool until the transaction ends. False: the kill switch is on, the pool only
    observes, its plan stops it, a freeze holds the change back (which is noted), or another pool
    feeds the deployment by now, which plans anew.
    """
    pool = Pool.objects.select_for_update().get(pk=change.plan.pool_id)
    change.plan.refresh_from_db(fields=["mode", "stopped_because"])
    if not Deployment.objects.filter(pk=change.deployment_id, pool=pool).exists():
        return False
    if not pool.applies or change.plan.mode != pool.mode or change.is_stopped:
        return False
    if freeze := holds.held_by(change, at=at):
        Change.objects.filter(pk=change.pk).update(held_by=freeze)
        return False
    return not kill_switch.is_on()


def write_is_out(account: Any) -> QuerySet[Change]:
    """What is out to the account, by its id (or an OuterRef to it): one write at a time for each.

    Certain under the account's lease.
    """
    found: QuerySet[Change] = Change.objects.filter(deployment__account=account, state__in=OUT)
    return found


def shrinks_go_first(change: Change) -> bool:
    """A grow waits while shrinks of its pool are under way; not for one that Azure refused or that
    a freeze holds back.
    """
    return Change.objects.filter(
        is_let_by_plan(),
        plan__pool_id=change.plan.pool_id,
        held_by__isnull=True,
        state__in=[ChangeState.PLANNED, *ON_THE_WAY],
        to_units__lt=F("from_units"),
    ).exists()


def missing_room(change: Change) -> int:
    """Units by which this write would exceed the limit that Azure last told; 0 when it fits.

    What other grows have sent counts as taken although Azure may not show it yet.
    """
    limit = PoolLimit.objects.filter(pool_id=change.plan.pool_id).first()
    held = Deployment.objects.present().filter(pool_id=change.plan.pool_id)
    total = held.aggregate(units=Sum("capacity_units"))["units"] or 0
    others = Change.objects.filter(
        deployment__in=held,
        state__in=ON_THE_WAY,
        to_units__gt=F("deployment__capacity_units"),
    ).exclude(pk=change.pk)
    sent = others.aggregate(units=Sum(F("to_units") - F("deployment__capacity_units")))["units"]
    room = limit.limit_units - limit.outside_units - total - (sent or 0) if limit else 0
    return max(0, change.to_units - change.from_units - room)
