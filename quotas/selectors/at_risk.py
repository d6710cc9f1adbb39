"""Grants that no longer fit because Azure lowered a limit, or quota was taken outside."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from portal.kernel.windows import FOREVER, Window
from quotas.domain.at_risk import Claim, Risk, at_risk
from quotas.domain.ledger import Entry, steps_over
from quotas.models import LedgerEntry, Pool, PoolLimit

COLUMNS = (
    "pk", "pool_id", "deployment_id", "units", "effective_from", "effective_until", "kind",
    "request_id", "request__decided_at", "recorded_at", "reverses_id",
)  # fmt: skip


@dataclass(frozen=True)
class PoolRisk:
    """By request id what is missing, and the most units of steady need that are missing at once.

    Nothing is at risk in a pool whose limit was never read: nothing was granted there.
    """

    requests: dict[int, Risk] = field(default_factory=dict)
    steady: dict[int, Risk] = field(default_factory=dict)  # by entry id

    def __bool__(self) -> bool:
        return bool(self.requests or self.steady)


def risks_of(pool_ids: Iterable[int] | None, *, at: datetime) -> dict[int, PoolRisk]:
    """By pool id, those pools in which something is at risk from now on; of every pool where None
    is asked for. One query; a second where more is promised in all than there is, though perhaps
    never at one time.
    """
    asked = None if pool_ids is None else list(pool_ids)
    limits = {} if asked == [] else _suspects(asked, at=at)
    rows: dict[int, list[dict[str, Any]]] = {}
    for row in _live(limits, at=at).values(*COLUMNS) if limits else ():
        rows.setdefault(row["pool_id"], []).append(row)
    found = {pool: risk_in(held, limits[pool], at=at) for pool, held in rows.items()}
    return {pool: risk for pool, risk in found.items() if risk}


def risk_under(pool: Pool, limit: PoolLimit, *, at: datetime) -> PoolRisk:
    """What would be at risk from now on, were this reading of the limit in force. One query."""
    rows = list(_live([pool.pk], at=at).values(*COLUMNS))
    return risk_in(rows, limit, at=at) if rows else PoolRisk()


def _live(pool_ids: Iterable[int], *, at: datetime) -> QuerySet[LedgerEntry]:
    rows = LedgerEntry.objects.filter(pool__in=list(pool_ids), effective_until__gt=at)
    return rows.order_by()


# By pool the newest limit, where all entries together, were they in force at one time, would be too
# many. What was taken back to the end of its entry, and already counts, is left out: it never comes
# up again.
SUSPECTS = """
WITH live AS MATERIALIZED (
    SELECT entry.pool_id, sum(entry.units) AS promised
    FROM quotas_ledgerentry entry LEFT JOIN quotas_ledgerentry taken ON taken.id = entry.reverses_id
    WHERE (%(pools)s::bigint[] IS NULL OR entry.pool_id = ANY(%(pools)s::bigint[]))
      AND entry.effective_until > %(at)s
      AND (entry.units > 0 OR entry.effective_until = taken.effective_until
           AND (entry.effective_from <= %(at)s OR entry.effective_from <= taken.effective_from))
    GROUP BY entry.pool_id
)
SELECT newest.* FROM live, LATERAL (
    SELECT * FROM quotas_poollimit WHERE pool_id = live.pool_id
    ORDER BY observed_at DESC, id DESC LIMIT 1
) newest
WHERE live.promised > newest.limit_units - newest.outside_units"""


def _suspects(pool_ids: list[int] | None, *, at: datetime) -> dict[int, PoolLimit]:
    rows = PoolLimit.objects.raw(SUSPECTS, {"pools": pool_ids, "at": at})
    return {row.pool_id: row for row in rows}


def risk_in(rows: Sequence[dict[str, Any]], limit: PoolLimit, *, at: datetime) -> PoolRisk:
    """`rows` are all of the pool's that end after `at`. Most often all fits: one sweep tells."""
    window = Window(at, FOREVER)
    entries = {row["pk"]: _entry(row) for row in rows}
    available = limit.limit_units - limit.outside_units
    if max(step.units for step in steps_over(entries.values(), window)) <= available:
        return PoolRisk()
    claims = _claims(rows, entries)
    risks = at_risk(claims, available, window)
    by_request: dict[int, Risk] = {}
    for claim in claims:
        risk, request = risks.get(claim.entry_id), claim.entry.request_id
        if risk and request and claim.entry.kind in ("burst", "hold"):
            known = by_request.get(request)
            by_request[request] = known.beside(risk) if known else risk
    bursts = {c.entry_id for c in claims if c.entry.request_id in by_request}
    return PoolRisk(by_request, {pk: risk for pk, risk in risks.items() if pk not in bursts})


def _claims(rows: Sequence[dict[str, Any]], entries: dict[Any, Entry]) -> list[Claim]:
    taken: dict[Any, list[Entry]] = {}
    for row in rows:
        if row["reverses_id"]:
            taken.setdefault(row["reverses_id"], []).append(entries[row["pk"]])
    return [
        Claim(
            entry_id=row["pk"],
            entry=entries[row["pk"]],
            reversals=tuple(taken.get(row["pk"], ())),
            decided_at=row["request__decided_at"] or row["recorded_at"],
        )
        for row in rows
        if not row["reverses_id"]
    ]


def _entry(row: dict[str, Any]) -> Entry:
    return Entry(
        deployment_id=row["deployment_id"],
        units=row["units"],
        window=Window(row["effective_from"], row["effective_until"]),
        kind=row["kind"],
        request_id=row["request_id"],
    )
