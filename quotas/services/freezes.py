"""Agreeing on a freeze, and ending one early. What it holds back is worked out in `holds`."""

from datetime import datetime, timedelta

from django.db import transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.kernel.windows import Window, floor_to_minute
from portal.models import User
from quotas.models import Freeze, Pool
from quotas.services.refusals import refuse

LONGEST = timedelta(days=366)
LONGEST_REASON = 200


@transaction.atomic
def add_freeze(
    pool: Pool | None,
    *,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: User,
    at: datetime,
) -> Freeze:
    """Over `[starts_at, ends_at)` in whole minutes; of all pools where `pool` is None. Raises
    DomainError: not a platform owner, no reason, or a window that is empty, past or too long.
    """
    _check_owner(by)
    window = check_window(starts_at, ends_at, at=at)
    if not reason.strip():
        raise refuse("reason_missing", "Say why; everyone who asks for capacity then reads it.")
    if len(reason.strip()) > LONGEST_REASON:
        raise refuse("reason_too_long", f"Say it in {LONGEST_REASON} characters at most.")
    freeze = Freeze.objects.create(
        pool=pool,
        effective_from=window.start,
        effective_until=window.end,
        reason=reason.strip(),
        recorded_at=at,
        recorded_by=by,
    )
    audit.record(
        "freeze.added",
        f"freeze/{freeze.pk}",
        actor_id=by.pk,
        at=at,
        pool=pool.pk if pool else None,
        effective_from=window.start.isoformat(),
        effective_until=window.end.isoformat(),
    )
    return freeze


def check_window(starts_at: datetime, ends_at: datetime, *, at: datetime) -> Window:
    """The window in whole minutes. Raises DomainError."""
    start, end = floor_to_minute(starts_at), floor_to_minute(ends_at)
    if end <= start:
        raise refuse("ends_before_start", "The end must be after the start.")
    if start < floor_to_minute(at):
        raise refuse(
            "start_in_the_past", "A freeze begins now or later; what has passed cannot be frozen."
        )
    if end - start > LONGEST:
        raise refuse(
            "too_long",
            f"A freeze lasts {LONGEST.days} days at most. To stop a pool for good, set it to "
            "observe only.",
        )
    return Window(start, end)


@transaction.atomic
def end_freeze(freeze: Freeze, *, by: User, at: datetime) -> Freeze:
    """Over from now on; one that has not begun never will. Raises DomainError: not a platform
    owner, or over already.
    """
    _check_owner(by)
    rows = Freeze.objects.filter(pk=freeze.pk, ended_at__isnull=True)
    if freeze.effective_until <= at:
        raise refuse("over_already", "This freeze is over already; nothing was changed.")
    if not rows.update(ended_at=at, ended_by=by):
        raise ChangedMeanwhile(f"The freeze “{freeze.reason}”")
    audit.record("freeze.ended", f"freeze/{freeze.pk}", actor_id=by.pk, at=at)
    freeze.ended_at, freeze.ended_by = at, by
    return freeze


def _check_owner(by: User) -> None:
    if not by.is_platform_owner:
        raise refuse("not_yours", "Only a platform owner agrees on freezes and ends them.")
