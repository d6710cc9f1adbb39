"""Entries came to a pool, as Azure feeds their deployments from there: whose grants fit there.

No limit moved, so there is none to compare with: what people were told last stands instead. Who
heard that a grant is at risk hears once that it fits again, and who did not, once that it does not.
"""

from collections.abc import Iterable
from datetime import datetime

from portal.kernel.windows import FOREVER, Window
from portal.models import Notice
from portal.outbox import Event
from quotas.domain.at_risk import Risk
from quotas.models import LedgerEntry, Pool
from quotas.selectors import words
from quotas.selectors.at_risk import PoolRisk, risk_under
from quotas.services.limit_news import Moved, tell_holders, tell_operators, tell_steady

AT_RISK, SAFE = Event.GRANT_AT_RISK, Event.GRANT_SAFE_AGAIN


def tell_of_moved_entries(pool: Pool, *, at: datetime) -> None:
    """In the transaction that moved them, after the limit of the pool was noted."""
    limit = pool.limits.first()
    if limit is None:
        return
    name, units = words.pool_name(pool), words.pool_units(pool, limit.limit_units)
    moved = Moved(pool, limit, at, f"Azure moved its quota: {name} feeds it now and has {units}.")
    after, came = risk_under(pool, limit, at=at), _came(pool, at)
    told = _told_last({*after.requests, *came})
    worse = {pk: risk for pk, risk in after.requests.items() if told.get(pk) != AT_RISK}
    better = [pk for pk in came if told.get(pk) == AT_RISK and pk not in after.requests]
    tell_holders(moved, AT_RISK, worse)
    tell_holders(moved, SAFE, {pk: came[pk] for pk in better})
    fresh = _entries(pool, at)
    steady = PoolRisk(steady={pk: risk for pk, risk in after.steady.items() if pk in fresh})
    count = len(worse) + tell_steady(moved, PoolRisk(), steady)
    if count:
        tell_operators(moved, count)


def _entries(pool: Pool, at: datetime) -> set[int]:
    rows = LedgerEntry.objects.filter(pool=pool, is_reissued=True, recorded_at=at)
    return set(rows.values_list("pk", flat=True))


def _came(pool: Pool, at: datetime) -> dict[int, Risk]:
    """By request id, with what it holds from now on and how long."""
    rows = LedgerEntry.objects.filter(pk__in=_entries(pool, at), request__isnull=False)
    found: dict[int, Risk] = {}
    for row in rows.exclude(effective_until=FOREVER):
        held = Risk(row.units, Window(row.effective_from, row.effective_until))
        known = found.get(row.request_id or 0)
        found[row.request_id or 0] = known.beside(held) if known else held
    return found


def _told_last(requests: Iterable[int]) -> dict[int, str]:
    """By request id: the newest of the two events that its holders heard."""
    subjects = {f"request/{pk}": pk for pk in requests}
    rows = Notice.objects.filter(subject__in=subjects, event__in=[AT_RISK, SAFE])
    return {subjects[row.subject]: row.event for row in rows.order_by("at", "pk")}
