"""Which bursts are on, or come soon: found by the database, so that a page which counts them reads
those alone that it lists.

The rule is that of `quotas.selectors.grants` and `quotas.domain.grants`; a test holds both equal.
"""

from datetime import datetime

from django.db.models.expressions import RawSQL

# Of a request `entry` is its burst's, the last where Azure moved the quota and it was issued anew;
# `rest` ends when the last of it goes, NULL where all was taken back before it began. What ended is
# told of while Azure, though it had the burst, has more than the ledger wants, and nothing that was
# verified since the end says otherwise.
NOT_OVER = """
SELECT request.id
FROM (SELECT %s::timestamptz AS at, %s::timestamptz AS since, %s::timestamptz AS before) asked
JOIN quotas_capacityrequest request ON request.state = 'approved'
    AND request.ends_at > asked.since AND request.starts_at < asked.before
JOIN quotas_deployment deployment ON deployment.id = request.deployment_id,
LATERAL (
    SELECT effective_from, effective_until FROM quotas_ledgerentry
    WHERE request_id = request.id AND kind = 'burst'
    ORDER BY effective_from DESC, id DESC LIMIT 1
) entry,
LATERAL (
    WITH held AS (
        SELECT part.effective_from, part.effective_until, part.units
        FROM quotas_ledgerentry part
        LEFT JOIN quotas_ledgerentry burst ON burst.id = part.reverses_id
        WHERE part.request_id = request.id AND (part.kind = 'burst'
            OR burst.kind = 'burst' AND burst.request_id = request.id)
    ), edges AS (
        SELECT effective_until AS at FROM held UNION SELECT effective_from FROM held
    )
    SELECT max(edges.at) AS ends_at FROM edges
    WHERE edges.at > entry.effective_from AND edges.at <= entry.effective_until
        AND (SELECT sum(units) FROM held
             WHERE held.effective_from < edges.at AND held.effective_until >= edges.at) > 0
) rest
WHERE rest.ends_at > asked.at OR rest.ends_at IS NOT NULL AND EXISTS (
    SELECT FROM (
        SELECT coalesce(sum(units), 0) AS units FROM quotas_ledgerentry
        WHERE deployment_id = deployment.id
            AND effective_from <= asked.at AND effective_until > asked.at
    ) wanted, (
        SELECT max(verified_at) AS at FROM quotas_change
        WHERE deployment_id = deployment.id AND state = 'succeeded'
    ) verified
    WHERE deployment.capacity_units > wanted.units
        AND verified.at >= entry.effective_from AND verified.at < rest.ends_at
        AND NOT EXISTS (
            SELECT FROM quotas_change
            WHERE deployment_id = deployment.id AND state = 'verifying'
                AND to_units = wanted.units
        )
)"""


def not_over(*, since: datetime, before: datetime, at: datetime) -> RawSQL:
    """Ids of approved requests that are upcoming, starting, on or ending at the moment; of those
    that end, or ended, after `since` and start before `before`. To be used with `pk__in`.
    """
    return RawSQL(NOT_OVER, (at, since, before))  # noqa: S611  a text without anything typed
