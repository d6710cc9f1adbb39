"""Deployments that still have what ended: applied is more than wanted, and nobody has to agree.

Found from the ledger and from what Azure has, whether or not there is a change for it, so that
trouble with planning is seen as well.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from portal.kernel.shown import Shown
from portal.models import User
from quotas.domain.late import LATE_FROM, late_since
from quotas.domain.ledger import units_at
from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models import Change, Deployment, LedgerEntry
from quotas.selectors import words
from quotas.selectors.changes import azure_answer
from quotas.selectors.kill_switch import with_holds
from quotas.selectors.managed import managed
from quotas.selectors.on_the_way import why_not
from quotas.selectors.rooms import entries_of

NOT_PLANNED = (
    "It could not be planned: the log of the worker says why. Every run tries again, one each 30 "
    "seconds."
)


@dataclass(frozen=True)
class LateEnd:
    """`deployment` with its account and pool; `wanted` units it should have; `change` is open."""

    deployment: Deployment
    wanted: int
    since: datetime
    change: Change | None

    @property
    def applies(self) -> bool:
        return bool(self.deployment.pool and self.deployment.pool.applies)

    @property
    def why(self) -> str:
        if self.change is None and self.applies:
            return NOT_PLANNED
        return why_not(self.deployment, self.change)


def over_applied(*, at: datetime) -> QuerySet[Any]:
    """Deployments that have more than is `wanted` of them, and nobody edited them."""
    rows = managed(at=at).filter(capacity_units__gt=F("wanted"))
    return rows.filter(capacity_units=F("settled_units"))


def late_ends(*, at: datetime) -> list[LateEnd]:
    """The latest first. One query where nothing is late, else three.

    What somebody edited, has to agree to, or a freeze holds back is not late: it waits, and says so
    itself.
    """
    over = list(over_applied(at=at).select_related("account", "pool"))
    if not over:
        return []
    changes = {
        change.deployment_id: change
        for change in with_holds(
            Change.objects.filter(deployment__in=over, state__in=OPEN_CHANGE_STATES)
        )
    }
    entries = _entries(over, at=at)
    found = [
        LateEnd(d, d.wanted, _since(d, change, entries[d.pk], at=at), change)
        for d in over
        if not ((change := changes.get(d.pk)) and _waits(change))
    ]
    late = [each for each in found if at - each.since >= LATE_FROM]
    return sorted(late, key=lambda each: (each.since, each.deployment.pk))


def _since(
    deployment: Any, change: Change | None, rows: list[LedgerEntry], *, at: datetime
) -> datetime:
    """Where the change takes back a part only, the rest waits for somebody: what is late is as much
    of the bursts as it takes, since they ended.
    """
    units = deployment.capacity_units
    own = [row for row in rows if row.kind == LedgerEntry.Kind.BURST]
    if change is None or change.to_units <= deployment.wanted or not own:
        return late_since(entries_of(rows), units, at)
    keys = {row.pk for row in own}
    bursts = entries_of([row for row in rows if (row.reverses_id or row.pk) in keys])
    return late_since(bursts, units_at(bursts, at) + units - change.to_units, at)


def _waits(change: Change) -> bool:
    """Of a change that a freeze holds back whole, no end is part: those go through it."""
    return change.state == ChangeState.NEEDS_HUMAN or change.held_by is not None


def _entries(deployments: Iterable[Deployment], *, at: datetime) -> dict[int, list[LedgerEntry]]:
    found: dict[int, list[LedgerEntry]] = {d.pk: [] for d in deployments}
    recent = LedgerEntry.objects.applied().recent_at(at)
    for row in recent.filter(deployment__in=list(found)):
        found[row.deployment_id].append(row)
    return found


@dataclass(frozen=True)
class LateRow:
    """One of a page's list. `is_planned`: there is a change for it, on the list of changes."""

    deployment: str
    pool: str
    pool_id: int | None
    is_planned: bool
    has: Shown
    should_have: Shown
    since: Shown
    why: str
    answer: str  # Azure's own words


def late_rows(user: User, *, at: datetime) -> list[LateRow]:
    """Of deployments whose changes this person may see, in pools that apply."""
    late = [each for each in late_ends(at=at) if each.applies]
    if not late:
        return []
    seen = _seen_by(user, [each.deployment.pk for each in late])
    return [
        LateRow(
            deployment=str(each.deployment),
            pool=words.pool_name(each.deployment.pool) if each.deployment.pool else "",
            pool_id=each.deployment.pool_id,
            is_planned=each.change is not None,
            has=words.amount(each.deployment, each.deployment.capacity_units),
            should_have=words.amount(each.deployment, each.wanted),
            since=words.age(each.since, now=at),
            why=each.why,
            answer=azure_answer(each.change) if each.change else "",
        )
        for each in late
        if each.deployment.pk in seen
    ]


def _seen_by(user: User, deployments: list[int]) -> set[int]:
    if user.reads_everything:
        return set(deployments)
    asked = Deployment.objects.filter(pk__in=deployments)
    own = asked.visible_to(user) | asked.filter(pool__owners=user)
    return set(own.values_list("pk", flat=True))
