"""The kill switch: whether it is on, and each time that it was thrown."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, QuerySet

from portal.kernel.shown import Shown
from quotas.models import Change, KillSwitch
from quotas.selectors import words

MOST_SHOWN = 50


def with_holds(changes: QuerySet[Change]) -> QuerySet[Change]:
    """The changes with what may hold them back: their freeze, and `is_killed` for all of them while
    the switch is on. No query of its own.
    """
    killed = Exists(KillSwitch.objects.on())
    found: QuerySet[Change] = changes.select_related("held_by").annotate(killed_now=killed)
    return found


@dataclass(frozen=True)
class Thrown:
    """One time; the last three are empty while it is on."""

    id: int
    is_on: bool
    at: Shown
    by: str
    reason: str
    off_at: Shown | None
    off_by: str
    reason_to_go_on: str


def times_thrown(*, at: datetime) -> list[Thrown]:
    """Newest first; one that is on is always the first. One query."""
    return [_row(row, at=at) for row in newest_first()[:MOST_SHOWN]]


def newest_first() -> QuerySet[KillSwitch]:
    """With who threw each and who turned it off."""
    rows: QuerySet[KillSwitch] = KillSwitch.objects.select_related("turned_on_by", "turned_off_by")
    return rows


def _row(row: KillSwitch, *, at: datetime) -> Thrown:
    return Thrown(
        id=row.pk,
        is_on=row.is_on,
        at=words.moment(row.turned_on_at, now=at),
        by=words.person_name(row.turned_on_by),
        reason=row.reason,
        off_at=words.moment(row.turned_off_at, now=at) if row.turned_off_at else None,
        off_by=words.person_name(row.turned_off_by, nobody=""),
        reason_to_go_on=row.reason_to_go_on,
    )
