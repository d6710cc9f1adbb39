"""Delegations as their people read them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from portal.models import User
from quotas.models import Delegation
from quotas.selectors import words

UPCOMING = Status("Upcoming", Tone.INFO, "calendar")
IN_FORCE = Status("In force", Tone.OK, "check-circle")
OVER = Status("Over")
MOST_ROWS = 100


@dataclass(frozen=True)
class DelegationRow:
    """`may_end`: by who gave it or has it, while it is not over."""

    pk: int
    giver: str
    taker: str
    pool: str
    window: Shown
    reason: str
    status: Status
    may_end: bool


def delegation_rows(user: User, *, at: datetime) -> list[DelegationRow]:
    """Given by this person or to them, newest first."""
    own = Delegation.objects.visible_to(user).filter(Q(from_person=user) | Q(to_person=user))
    rows = own.select_related("from_person", "to_person", "pool").distinct()
    return [_row(row, at=at) for row in rows[:MOST_ROWS]]


def _row(given: Delegation, *, at: datetime) -> DelegationRow:
    is_over = given.effective_until <= at
    started = IN_FORCE if given.effective_from <= at else UPCOMING
    return DelegationRow(
        pk=given.pk,
        giver=given.from_person.display_name,
        taker=given.to_person.display_name,
        pool=words.pool_name(given.pool) if given.pool else "every pool",
        window=words.span(given.effective_from, given.effective_until, now=at),
        reason=given.reason,
        status=OVER if is_over else started,
        may_end=not is_over,
    )


def has_something_to_delegate(user: User) -> bool:
    """Owners of pools and people with a role are those whom stages name."""
    return user.operates_pools or bool(user.roles)
