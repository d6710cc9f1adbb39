"""How far the data is: the age of the newest minute."""

from datetime import datetime

from django.db import connection

from showback.domain.targets import GATEWAY

# One step down the index for each source, and one for its newest hour: there are as many hours as
# sources × time, and a page asks for this whoever looks at it.
SLOWEST_SOURCE = """
WITH RECURSIVE sources AS (
    SELECT min(source) AS source FROM showback_usagepull
    UNION ALL
    SELECT (SELECT min(pull.source) FROM showback_usagepull pull
            WHERE pull.source > sources.source)
    FROM sources WHERE sources.source IS NOT NULL
)
SELECT min(newest.settled_until) FROM sources, LATERAL (
    SELECT pull.settled_until FROM showback_usagepull pull
    WHERE pull.source = sources.source AND pull.hour <= %(at)s AND pull.settled_until IS NOT NULL
    ORDER BY pull.hour DESC LIMIT 1
) newest
WHERE NOT starts_with(sources.source, %(gateway)s)"""


def data_until(at: datetime) -> datetime | None:
    """The moment up to which the slowest source was read; None before the first pull.

    A property of the installation, not of any team. Callers of gateways come later and do not
    count: they divide use, they do not make it.
    """
    with connection.cursor() as cursor:
        cursor.execute(SLOWEST_SOURCE, {"at": at, "gateway": GATEWAY})
        [until] = cursor.fetchone()
    return until
