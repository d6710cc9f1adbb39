"""How far the data is: up to when each source was read, and when days were last worked out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from portal.kernel.windows import DAY, HOUR
from showback.domain.targets import GATEWAY
from showback.models import JobDone

# A region that was asked no more for so long, while others were, is no source any more: its
# accounts are gone, or its subscription left the settings. All are asked every five minutes.
ASKED_WITHIN = HOUR
# A gateway may be a file that somebody imports each day.
TOLD_WITHIN = 2 * DAY

# One step down the index for each source, and one or two for its newest hours: there are as many
# hours as sources × time, and a page asks for this whoever looks at it.
NEWEST_PULLS = """
WITH RECURSIVE sources AS (
    SELECT min(source) AS source FROM showback_usagepull
    UNION ALL
    SELECT (SELECT min(pull.source) FROM showback_usagepull pull
            WHERE pull.source > sources.source)
    FROM sources WHERE sources.source IS NOT NULL
)
SELECT sources.source, newest.hour, newest.started_at, newest.problem, settled.settled_until,
       (SELECT min(hour) FROM showback_usagepull WHERE source = sources.source)
FROM sources, LATERAL (
    SELECT pull.hour, pull.started_at, pull.problem FROM showback_usagepull pull
    WHERE pull.source = sources.source AND pull.hour <= %(at)s
    ORDER BY pull.hour DESC LIMIT 1
) newest LEFT JOIN LATERAL (
    SELECT pull.settled_until FROM showback_usagepull pull
    WHERE pull.source = sources.source AND pull.hour <= %(at)s AND pull.settled_until IS NOT NULL
    ORDER BY pull.hour DESC LIMIT 1
) settled ON true
ORDER BY sources.source"""


@dataclass(frozen=True)
class NewestPull:
    """Of one source: known up to `until` (None: never read); `problem` is of its newest hour.

    `since` is the first hour that was ever asked for.
    """

    source: str
    until: datetime | None
    problem: str
    since: datetime

    @property
    def is_gateway(self) -> bool:
        return self.source.startswith(GATEWAY)


def newest_pulls(at: datetime) -> list[NewestPull]:
    """By source, gateways too; empty before the first pull. One query."""
    with connection.cursor() as cursor:
        cursor.execute(NEWEST_PULLS, {"at": at})
        rows = cursor.fetchall()
    hours, asked = ([row[column] for row in rows] for column in (1, 2))
    return [
        NewestPull(source, until, problem, since)
        for source, hour, asked_at, problem, until, since in rows
        if (
            hour > max(hours) - TOLD_WITHIN
            if source.startswith(GATEWAY)
            else asked_at > max(asked) - ASKED_WITHIN
        )
    ]


def data_until(at: datetime) -> datetime | None:
    """The moment up to which the slowest source was read; None before the first pull.

    A property of the installation, not of any team. Callers of gateways come later and do not
    count: they divide use, they do not make it.
    """
    return slowest(pull.until for pull in newest_pulls(at) if not pull.is_gateway)


def slowest(moments: Iterable[datetime | None]) -> datetime | None:
    """The earliest; sources that were never read do not count."""
    return min(filter(None, moments), default=None)


def worked_out_at() -> datetime | None:
    """When the last roll-up left no day to be worked out; None before the first."""
    return JobDone.objects.filter(job=JobDone.Job.ROLL_UP).values_list("at", flat=True).first()
