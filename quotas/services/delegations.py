"""Letting somebody decide in one's place: dated, for one pool or for all."""

from datetime import datetime

from django.db import IntegrityError, transaction

from portal import audit
from portal.kernel.errors import ChangedMeanwhile
from portal.kernel.windows import Window, floor_to_minute
from portal.models import User
from portal.outbox import Event, tell
from quotas.models import Delegation, Pool
from quotas.selectors import words
from quotas.services.refusals import is_gone, refuse


@transaction.atomic
def delegate(
    to: User, window: Window, *, by: User, at: datetime, pool: Pool | None = None, reason: str = ""
) -> Delegation:
    """`to` may decide what `by` may, over the half-open window, for the pool or for all of them.

    Raises DomainError: to oneself, to somebody who left, in the past, or twice at the same time.
    """
    window = Window(floor_to_minute(window.start), window.end)
    if to.pk == by.pk:
        raise refuse("to_oneself", "Choose somebody else; you decide for yourself anyway.")
    if gone := is_gone(to, at=at):
        raise gone
    if window.end <= at:
        raise refuse("in_the_past", "That time is over. Choose an end in the future.")
    try:
        with transaction.atomic():
            given = Delegation.objects.create(
                from_person=by,
                to_person=to,
                pool=pool,
                effective_from=window.start,
                effective_until=window.end,
                reason=reason.strip()[:300],
                recorded_at=at,
            )
    except IntegrityError:
        raise refuse(
            "delegated_already",
            f"{to.display_name} decides for you at that time already. End that first, or choose "
            "another time.",
        ) from None
    audit.record(
        "delegation.given",
        f"delegation/{given.pk}",
        actor_id=by.pk,
        at=at,
        to=to.pk,
        pool=pool.pk if pool else None,
    )
    _tell(given, by, to, at=at)
    return given


def _tell(given: Delegation, by: User, to: User, *, at: datetime) -> None:
    tell(
        Event.DELEGATION_GIVEN,
        [to],
        subject=f"delegation/{given.pk}",
        url="/requests/inbox/",
        at=at,
        by=by.display_name,
        pool=words.pool_name(given.pool) if given.pool else "every pool",
        from_at=given.effective_from,
        until_at=given.effective_until,
    )


@transaction.atomic
def end_delegation(given: Delegation, *, by: User, at: datetime) -> Delegation:
    """From this minute on they decide for themselves only; one that has not begun never will.

    What was decided under it stands. Raises DomainError for somebody else's, or one that is over.
    """
    if by.pk not in (given.from_person_id, given.to_person_id):
        raise refuse("not_yours", "Only who gave it, or who has it, may end a delegation.")
    end = floor_to_minute(at)
    rows = Delegation.objects.filter(pk=given.pk, effective_until__gt=end)
    # One that never was in force goes for good: nothing was decided under it.
    never = given.effective_from >= end
    if not (rows.delete()[0] if never else rows.update(effective_until=end)):
        raise ChangedMeanwhile("The delegation")
    audit.record("delegation.ended", f"delegation/{given.pk}", actor_id=by.pk, at=at)
    given.effective_until = end
    return given
