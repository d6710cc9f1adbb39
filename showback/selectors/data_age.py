"""How far the data is: up to when each source was read, and when days were last worked out."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

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
NEWEST = """
WITH RECURSIVE sources AS (
    SELECT min(source) AS source FROM showback_usagepull
    UNION ALL
    SELECT (SELECT min(pull.source) FROM showback_usagepull pull
            WHERE pull.source > sources.source)
    FROM sources WHERE sources.source IS NOT NULL
), newest AS (
    SELECT sources.source, newest.problem, settled.settled_until,
        starts_with(sources.source, %(gateway)s) AS is_gateway,
        max(newest.hour) OVER () - newest.hour AS told_before,
        max(newest.started_at) OVER () - newest.started_at AS asked_before
    FROM sources, LATERAL (
        SELECT pull.hour, pull.started_at, pull.problem FROM showback_usagepull pull
        WHERE pull.source = sources.source AND pull.hour <= %(at)s
        ORDER BY pull.hour DESC LIMIT 1
    ) newest LEFT JOIN LATERAL (
        SELECT pull.settled_until FROM showback_usagepull pull
        WHERE pull.source = sources.source AND pull.hour <= %(at)s
            AND pull.settled_until IS NOT NULL
        ORDER BY pull.hour DESC LIMIT 1
    ) settled ON true
), going_on AS (
    SELECT * FROM newest WHERE CASE WHEN is_gateway THEN told_before < %(told_within)s
                                    ELSE asked_before < %(asked_within)s END
)
"""
ALL = f"""{NEWEST} SELECT source, settled_until, problem,
    (SELECT min(hour) FROM showback_usagepull WHERE source = going_on.source)
FROM going_on ORDER BY source"""  # noqa: S608
SLOWEST = f"{NEWEST} SELECT min(settled_until) FROM going_on WHERE NOT is_gateway"  # noqa: S608


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
    return [NewestPull(*row) for row in _asked(ALL, at)]


def data_until(at: datetime) -> datetime | None:
    """The moment up to which the slowest source was read; None before the first pull.

    A property of the installation, not of any team. Callers of gateways come later and do not
    count: they divide use, they do not make it.
    """
    [[until]] = _asked(SLOWEST, at)
    return until  # type: ignore[no-any-return]


def _asked(statement: str, at: datetime) -> list[Any]:
    within = {"told_within": TOLD_WITHIN, "asked_within": ASKED_WITHIN}
    with connection.cursor() as cursor:
        cursor.execute(statement, {"at": at, "gateway": GATEWAY, **within})
        return cursor.fetchall()


def slowest(moments: Iterable[datetime | None]) -> datetime | None:
    """The earliest; sources that were never read do not count."""
    return min(filter(None, moments), default=None)


def worked_out_at() -> datetime | None:
    """When the last roll-up left no day to be worked out; None before the first."""
    return JobDone.objects.filter(job=JobDone.Job.ROLL_UP).values_list("at", flat=True).first()
