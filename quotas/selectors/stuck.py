"""How many changes do not go on by themselves."""

from dataclasses import dataclass

from django.db.models import Count, Q

from portal.models import User
from quotas.domain.plan import DRIFT
from quotas.domain.states import ChangeState
from quotas.selectors.changes import REFUSED, changes_visible_to


@dataclass(frozen=True)
class Stuck:
    """`drift`: edited outside Headroom; `waiting`: needs a yes for another reason."""

    drift: int
    waiting: int
    refused: int

    @property
    def total(self) -> int:
        return self.drift + self.waiting + self.refused


def stuck_changes(user: User) -> Stuck:
    """Of what this person may see. One query."""
    asks = Q(state=ChangeState.NEEDS_HUMAN)
    found = (
        changes_visible_to(user)
        .order_by()
        .aggregate(
            drift=Count("pk", filter=asks & Q(sentence=DRIFT)),
            waiting=Count("pk", filter=asks & ~Q(sentence=DRIFT)),
            refused=Count("pk", filter=Q(state__in=REFUSED) & ~Q(error_reason="")),
        )
    )
    return Stuck(**found)
