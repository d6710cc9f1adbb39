"""The plan of a pool as it stands: what is written, in which order, why, and what room is left.

It is made of the pool's open changes, whichever run planned them. Room is Azure's own: the limit,
less what is allocated there, by Headroom and outside of it; a write that needs more is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Sum

from portal.kernel import formatting
from portal.kernel.shown import Shown
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change, Deployment, KillSwitch, Pool, PoolLimit
from quotas.selectors import words
from quotas.selectors.changes import TO_BE_SENT, ChangeRow, change_row
from quotas.selectors.kill_switch import with_holds


@dataclass(frozen=True)
class Step:
    """One change. `number` is its place in the order, `room_after` what Azure then has left; what
    waits for somebody or something has neither, and `row.sentence` says for what.
    """

    row: ChangeRow
    units_before: int
    units_after: int
    difference: Shown
    number: int | None = None
    room_after: Shown | None = None


@dataclass(frozen=True)
class PoolPlan:
    """`goes` is in the order of writing, `waits` is what is not written now. `is_written`: the pool
    applies and the kill switch is off.
    """

    pool: Pool
    name: str
    goes: list[Step]
    waits: list[Step]
    room_before: Shown
    room_after: Shown
    is_killed: bool

    @property
    def is_written(self) -> bool:
        return self.pool.applies and not self.is_killed

    @property
    def is_empty(self) -> bool:
        return not self.goes and not self.waits

    @property
    def shrinks(self) -> int:
        return sum(1 for step in self.goes if step.row.is_shrink)

    @property
    def grows(self) -> int:
        return len(self.goes) - self.shrinks


def pool_plan(pool: Pool, *, operates: bool, at: datetime) -> PoolPlan:
    """`operates`: whether whoever reads it may answer what waits. Five queries at most."""
    rows = Change.objects.filter(plan__pool=pool, state__in=sorted(OPEN_CHANGE_STATES))
    of = ("deployment__account", "deployment__pool", "plan__pool")
    changes = list(with_holds(rows.select_related(*of)))
    going = sorted((c for c in changes if _goes(c)), key=_order)
    waiting = sorted((c for c in changes if not _goes(c)), key=_order)
    before = _room_now(pool)
    goes = _numbered(going, before, operates, at=at)
    moved = sum(change.to_units - change.deployment.capacity_units for change in going)
    return PoolPlan(
        pool=pool,
        name=words.pool_name(pool),
        goes=goes,
        waits=[_step(change, operates, at=at) for change in waiting],
        room_before=words.pool_units(pool, before),
        room_after=words.pool_units(pool, None if before is None else before - moved),
        is_killed=KillSwitch.objects.on().exists(),
    )


def _goes(change: Change) -> bool:
    is_to_be_sent = change.state in TO_BE_SENT
    is_barred = bool(change.is_stopped or change.held_by)
    return change.state != ChangeState.NEEDS_HUMAN and not (is_to_be_sent and is_barred)


def _order(change: Change) -> tuple[bool, bool, datetime, int, int]:
    """As the applier goes: what is under way, shrinks before grows, then what has been due
    longest.
    """
    place = (change.not_before, change.position, change.pk)
    return (change.state in TO_BE_SENT, not change.is_shrink, *place)


def _room_now(pool: Pool) -> int | None:
    """Units that Azure would still allocate; below nought where it lowered the limit. None where it
    never told a limit.
    """
    limit = PoolLimit.objects.filter(pool=pool).first()
    if limit is None:
        return None
    ours = Deployment.objects.present().filter(pool=pool).aggregate(units=Sum("capacity_units"))
    return limit.limit_units - limit.outside_units - (ours["units"] or 0)


def _numbered(
    changes: Sequence[Change], room: int | None, operates: bool, *, at: datetime
) -> list[Step]:
    found = []
    for number, change in enumerate(changes, start=1):
        if room is not None:
            room -= change.to_units - change.deployment.capacity_units
        after = words.pool_units(change.plan.pool, room)
        found.append(_step(change, operates, number, after, at=at))
    return found


def _step(
    change: Change,
    operates: bool,
    number: int | None = None,
    room_after: Shown | None = None,
    *,
    at: datetime,
) -> Step:
    return Step(
        row=change_row(change, operates, at=at),
        units_before=change.from_units,
        units_after=change.to_units,
        difference=_signed(change.to_units - change.from_units),
        number=number,
        room_after=room_after,
    )


def _signed(units: int) -> Shown:
    shown = formatting.count(units)
    return shown if units <= 0 else Shown(f"+{shown}", exact=shown.exact, value=shown.value)
