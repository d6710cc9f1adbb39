"""When each subscription was last read from Azure, and what could not be read."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from quotas.domain.states import OPEN_CHANGE_STATES
from quotas.models import Change

# A sync runs every five minutes; three that are missing are no accident.
LATE_AFTER = timedelta(minutes=15)
# One step down the index for each subscription, however many runs there are. Limits: of pools that
# feed a deployment, the one that was read longest ago.
NEWEST = """
SELECT asked.name, run.ended_at, run.problems, limits.read_at
FROM unnest(%s::text[]) AS asked(name)
LEFT JOIN LATERAL (
    SELECT ended_at, problems FROM quotas_syncrun
    WHERE lower(subscription_id) = asked.name AND ended_at IS NOT NULL
    ORDER BY started_at DESC LIMIT 1
) run ON true
LEFT JOIN (
    SELECT lower(pool.subscription_id) AS name, min(pool.last_seen_at) AS read_at
    FROM quotas_pool pool
    WHERE pool.gone_at IS NULL AND EXISTS (
        SELECT FROM quotas_deployment WHERE pool_id = pool.id AND gone_at IS NULL
    )
    GROUP BY 1
) limits ON limits.name = asked.name"""


@dataclass(frozen=True)
class SyncHealth:
    """`ended_at` is of the newest run that ended; None: none ever did.

    `limits_read_at` is of the limit that was read longest ago, of pools that feed a deployment;
    None where there is none.
    """

    subscription_id: str
    ended_at: datetime | None
    problems: list[str]
    is_late: bool
    limits_read_at: datetime | None

    @property
    def is_well(self) -> bool:
        return not (self.problems or self.is_late)


def sync_health(subscription_ids: Iterable[str], *, at: datetime) -> list[SyncHealth]:
    """One for each subscription, in the order given. One query."""
    names = list(subscription_ids)
    with connection.cursor() as cursor:
        cursor.execute(NEWEST, [[name.lower() for name in names]])
        newest = {row[0]: row[1:] for row in cursor.fetchall()}
    return [_health(name, *newest[name.lower()], at=at) for name in names]


def _health(
    subscription_id: str,
    ended_at: datetime | None,
    problems: str | None,
    limits_read_at: datetime | None,
    *,
    at: datetime,
) -> SyncHealth:
    late = ended_at is None or at - ended_at > LATE_AFTER
    found = json.loads(problems) if problems else []
    return SyncHealth(subscription_id, ended_at, found, late, limits_read_at)


def open_changes() -> QuerySet[Change]:
    """Changes that are not settled, of the whole installation."""
    found: QuerySet[Change] = Change.objects.filter(state__in=sorted(OPEN_CHANGE_STATES))
    return found
