"""What somebody should look at now: ends that are late, and edges that something would stop."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from portal.kernel.shown import Shown
from portal.models import User
from quotas.models import CapacityRequest, Deployment, EdgeCheck, Pool
from quotas.selectors import words
from quotas.selectors.late_ends import LateRow, late_rows, over_applied

MOST = 10


@dataclass(frozen=True)
class Doubt:
    """An edge of the next minutes that something would stop. `title` is the beginning of a
    sentence.
    """

    deployment: str
    what: str  # start, end
    at: Shown
    before: Shown
    after: Shown
    why: str
    looked: Shown

    @property
    def title(self) -> str:
        return f"The {self.what} {self.at} may not come through."


@dataclass(frozen=True)
class Watched:
    """Of all that this person may see; the pages list the first ten of each."""

    late: list[LateRow]
    doubts: list[Doubt]

    @property
    def total(self) -> int:
        return len(self.late) + len(self.doubts)

    @property
    def first_late(self) -> list[LateRow]:
        return self.late[:MOST]

    @property
    def unplanned(self) -> list[LateRow]:
        """Late ends without a change, which no list of changes has."""
        return [row for row in self.late if not row.is_planned]

    @property
    def first_doubts(self) -> list[Doubt]:
        return self.doubts[:MOST]

    @property
    def left_out(self) -> int:
        return self.total - len(self.first_late) - len(self.first_doubts)


def watch_lists(*, at: datetime) -> dict[str, QuerySet[Any]]:
    """For `counts_of`: where each is 0, there is nothing to look at. Whether or not there is a
    change for it, so that trouble with planning is seen as well.
    """
    late = over_applied(at=at).filter(pool__mode=Pool.Mode.APPLY)
    return {"late": late, "doubts": _in_doubt(at)}


def watched(user: User, counts: Mapping[str, int], *, at: datetime) -> Watched:
    """`counts` are those of `watch_lists`; no query where they are nought."""
    return Watched(
        late=late_rows(user, at=at) if counts["late"] else [],
        doubts=doubts(user, at=at) if counts["doubts"] else [],
    )


def doubts(user: User, *, at: datetime) -> list[Doubt]:
    """The next edge first."""
    rows = _in_doubt(at)
    if not user.reads_everything:
        mine = Q(deployment__in=Deployment.objects.visible_to(user))
        rows = rows.filter(mine | Q(deployment__pool__owners=user)).distinct()
    return [_doubt(check, at=at) for check in rows]


def doubts_of(request: CapacityRequest, *, at: datetime) -> list[Doubt]:
    """Of the edges of one request."""
    rows = _in_doubt(at).filter(deployment=request.deployment_id)
    return [_doubt(check, at=at) for check in rows.filter(requests__contains=[request.pk])]


def _in_doubt(at: datetime) -> QuerySet[EdgeCheck]:
    rows = EdgeCheck.objects.filter(edge_at__gt=at, found_at__isnull=False)
    return rows.select_related("deployment__account").order_by("edge_at", "pk")


def _doubt(check: EdgeCheck, *, at: datetime) -> Doubt:
    return Doubt(
        deployment=str(check.deployment),
        what=check.word,
        at=words.moment(check.edge_at, now=at),
        before=words.amount(check.deployment, check.from_units),
        after=words.amount(check.deployment, check.to_units),
        why=" ".join(each["sentence"] for each in check.findings),
        looked=words.age(check.checked_at, now=at),
    )
