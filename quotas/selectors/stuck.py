"""How many changes do not go on by themselves."""

from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.db.models import Count, Q, Window

from portal.models import User
from quotas.domain.plan import DRIFT, NO_SUCH_AMOUNT, NOTHING_HELD
from quotas.models import Change
from quotas.selectors.changes import asks_now, by_trouble, changes_visible_to

# As `is_unwritable` says of one.
UNWRITABLE = Q(sentence=NOTHING_HELD) | Q(sentence__startswith=NO_SUCH_AMOUNT)


@dataclass(frozen=True)
class Stuck:
    """`drift`: edited outside Headroom; `waiting`: needs a yes for another reason; `refused` and
    `hindered`: as `by_trouble` says; `unwritable`: no yes would help, the ledger has to change.
    """

    drift: int
    waiting: int
    refused: int
    unwritable: int = 0
    hindered: int = 0

    @property
    def total(self) -> int:
        return self.drift + self.waiting + self.refused + self.unwritable + self.hindered


def stuck_changes(user: User, *, at: datetime) -> Stuck:
    """Of what this person may see. One query."""
    counts = {name: Count("pk", filter=which) for name, which in _kinds(at).items()}
    return Stuck(**changes_visible_to(user).order_by().aggregate(**counts))


def stuck_and_newest(user: User, *, most: int, at: datetime) -> tuple[Stuck, list[Change]]:
    """The same beside the newest of them. One query."""
    kinds = _kinds(at)
    stuck = changes_visible_to(user).filter(reduce(or_, kinds.values()))
    counts = {f"all_{name}": Window(Count("pk", filter=which)) for name, which in kinds.items()}
    newest = list(stuck.annotate(**counts).order_by("-planned_at", "-pk")[:most])
    if not newest:
        return Stuck(0, 0, 0), []
    return Stuck(**{name: getattr(newest[0], f"all_{name}") for name in kinds}), newest


def _kinds(at: datetime) -> dict[str, Q]:
    """By the fields of `Stuck`."""
    return {
        "drift": asks_now(at) & Q(sentence=DRIFT),
        "waiting": asks_now(at) & ~Q(sentence=DRIFT) & ~UNWRITABLE,
        "unwritable": asks_now(at) & UNWRITABLE,
        **by_trouble(),
    }
