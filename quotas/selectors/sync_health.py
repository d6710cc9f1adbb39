"""When each subscription was last read from Azure, and what could not be read."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Min
from django.db.models.functions import Lower

from quotas.domain.states import OPEN_CHANGE_STATES
from quotas.models import Change, Deployment, SyncRun

# A sync runs every five minutes; three that are missing are no accident.
LATE_AFTER = timedelta(minutes=15)
# One step down the index for each subscription, however many runs there are.
NEWEST = """
SELECT run.* FROM unnest(%s::text[]) AS name, LATERAL (
    SELECT * FROM quotas_syncrun
    WHERE lower(subscription_id) = name AND ended_at IS NOT NULL
    ORDER BY started_at DESC LIMIT 1
) run"""


@dataclass(frozen=True)
class SyncHealth:
    """`ended_at` is of the newest run that ended; None: none ever did."""

    subscription_id: str
    ended_at: datetime | None
    problems: list[str]
    is_late: bool

    @property
    def is_well(self) -> bool:
        return not (self.problems or self.is_late)


def sync_health(subscription_ids: Iterable[str], *, at: datetime) -> list[SyncHealth]:
    """One for each subscription, in the order given. One query."""
    names = list(subscription_ids)
    rows = SyncRun.objects.raw(NEWEST, [[name.lower() for name in names]])
    newest = {row.subscription_id.lower(): row for row in rows}
    return [_health(name, newest.get(name.lower()), at=at) for name in names]


def _health(subscription_id: str, run: SyncRun | None, *, at: datetime) -> SyncHealth:
    if run is None or run.ended_at is None:
        return SyncHealth(subscription_id, None, [], is_late=True)
    late = at - run.ended_at > LATE_AFTER
    return SyncHealth(subscription_id, run.ended_at, list(run.problems), late)


def open_changes() -> int:
    """Changes that are not settled, of the whole installation."""
    return Change.objects.filter(state__in=sorted(OPEN_CHANGE_STATES)).count()


def limits_read_at(subscription_ids: Iterable[str]) -> datetime | None:
    """When the limit that was read longest ago was read, of pools that feed a deployment; None
    where there is none.
    """
    names = [name.lower() for name in subscription_ids]
    feeding = Deployment.objects.filter(gone_at__isnull=True, pool__gone_at__isnull=True)
    of_ours = feeding.annotate(of=Lower("pool__subscription_id")).filter(of__in=names)
    found: datetime | None = of_ours.aggregate(at=Min("pool__last_seen_at"))["at"]
    return found
