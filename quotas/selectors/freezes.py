"""Freezes: those that a window meets, and the list of all that a person may see.

What they hold back is worked out in `quotas.services.holds`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from django.db.models import Q
from django.utils.timezone import get_current_timezone

from portal.kernel import formatting_times
from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from portal.kernel.windows import Window
from portal.models import User
from quotas.models import Freeze, Pool
from quotas.selectors import words

UPCOMING = Status("Upcoming", Tone.INFO, "calendar")
IN_FORCE = Status("In force", Tone.ATTENTION, "pause-circle")
OVER = Status("Over")
ENDED_EARLY = Status("Ended early", Tone.QUIET, "arrow-uturn-left")
ALL_POOLS = "All pools"
MOST_OPEN = 10  # on the page of a pool; the rest are on the page of freezes


@dataclass(frozen=True)
class Clash:
    """A freeze that a window meets. `holds_start`: what is asked would start, or have to be written
    to get there in time, while it lasts. Ends are never held back.
    """

    pk: int
    window: Window
    reason: str
    of_all_pools: bool
    holds_start: bool

    def as_json(self) -> dict[str, Any]:
        return {
            "freeze": self.pk,
            "from": self.window.start.isoformat(),
            "until": self.window.end.isoformat(),
            "reason": self.reason,
            "of_all_pools": self.of_all_pools,
            "holds_start": self.holds_start,
        }


def freezes_in(pool: Pool, window: Window, *, starts_at: datetime | None = None) -> list[Clash]:
    """Those of the pool and of all pools that share an instant with the window, earliest first.

    `window` is the ledger's, which begins a lead before the start that people see (`starts_at`; the
    window's own start without it). One query.
    """
    rows = Freeze.objects.for_pool(pool.pk).touching(window).order_by("effective_from", "pk")
    return [
        clash_of(row.pk, row.window, row.reason, row.pool_id, window, starts_at or window.start)
        for row in rows
        if row.window
    ]


def clash_of(
    pk: int, held: Window, reason: str, pool_id: int | None, window: Window, starts_at: datetime
) -> Clash:
    """Of a freeze that really holds for `held`, with the ledger's window."""
    holds_start = held.start <= starts_at and window.start < held.end
    return Clash(pk, held, reason, of_all_pools=pool_id is None, holds_start=holds_start)


def freezes_of(pools: Sequence[Pool], window: Window) -> dict[int, tuple[Window, ...]]:
    """By pool id: when nothing of it shall start, as far as it meets the window. One query."""
    ids = [pool.pk for pool in pools]
    rows = Freeze.objects.filter(Q(pool__in=ids) | Q(pool__isnull=True)).touching(window)
    found = [(row.pool_id, row.window) for row in rows.order_by("effective_from", "pk")]
    return {pk: tuple(when for of, when in found if when and of in (pk, None)) for pk in ids}


def held_sentence(freeze: Freeze, zone: tzinfo | None = None, *, is_over: bool = False) -> str:
    """Of a change that the freeze holds back; the time in the reader's zone. Text that is stored
    has readers in any zone: it takes `zone=UTC`, and names it. `is_over`: the change is.
    """
    end = formatting_times.moment(freeze.effective_until, zone or get_current_timezone())
    named = f" {zone}" if zone else ""
    verb = "held this back; it was to last" if is_over else "holds this back"
    return f"A freeze {verb} until {end}{named}: {freeze.reason.rstrip('.')}."


def clash_sentence(clash: dict[str, Any], *, now: datetime) -> str:
    """Of a clash as evidence keeps it."""
    start, end = (datetime.fromisoformat(clash[name]) for name in ("from", "until"))
    where = "all pools" if clash["of_all_pools"] else "this pool"
    meets = (
        "the start falls into it and waits for its end"
        if clash["holds_start"]
        else "it begins later in the window"
    )
    return f"{words.span(start, end, now=now)}, {where}: {clash['reason'].rstrip('.')} ({meets})"


@dataclass(frozen=True)
class FreezeRow:
    """One of the list. `ended` says who ended it early and when."""

    pk: int
    status: Status
    window: Shown
    pool: str
    pool_url: str
    reason: str
    by: str
    ended: str
    may_be_ended: bool


def freeze_rows(freezes: list[Freeze], user: User, *, at: datetime) -> list[FreezeRow]:
    return [_row(freeze, user, at=at) for freeze in freezes]


def freezes_for(user: User, *, pool_id: int | None = None) -> Any:
    """All that this person may see, newest first, with people and pools."""
    rows = Freeze.objects.visible_to(user).select_related("pool", "recorded_by", "ended_by")
    return rows if pool_id is None else rows.for_pool(pool_id)


def open_freezes(pool: Pool, user: User, *, at: datetime) -> list[FreezeRow]:
    """Those in force and to come that meet this pool, earliest first; one query."""
    rows = freezes_for(user, pool_id=pool.pk).filter(ended_at=None, effective_until__gt=at)
    return freeze_rows(list(rows.order_by("effective_from", "pk")[:MOST_OPEN]), user, at=at)


def _row(freeze: Freeze, user: User, *, at: datetime) -> FreezeRow:
    pool = freeze.pool
    is_open = freeze.ended_at is None and freeze.effective_until > at
    return FreezeRow(
        pk=freeze.pk,
        status=status_of(freeze, at=at),
        window=words.span(freeze.effective_from, freeze.effective_until, now=at),
        pool=words.pool_name(pool) if pool else ALL_POOLS,
        pool_url=f"/pools/{pool.pk}/" if pool else "",
        reason=freeze.reason,
        by=words.person_name(freeze.recorded_by),
        ended=_ended(freeze, at=at),
        may_be_ended=is_open and user.is_platform_owner,
    )


def status_of(freeze: Freeze, *, at: datetime) -> Status:
    if freeze.ended_at is not None:
        return ENDED_EARLY
    if at < freeze.effective_from:
        return UPCOMING
    return IN_FORCE if at < freeze.effective_until else OVER


def _ended(freeze: Freeze, *, at: datetime) -> str:
    if freeze.ended_at is None:
        return ""
    when = words.moment(freeze.ended_at, now=at)
    return f"by {words.person_name(freeze.ended_by)}, {when}"
