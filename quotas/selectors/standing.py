"""What stands when something is asked of a pool: its ledger around, and what else holds, with a
statement each, as every decision and every verdict asks for both.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection

from portal.kernel.windows import Window
from quotas.domain.availability import Room
from quotas.domain.ledger import Entry
from quotas.models import Deployment, Service
from quotas.selectors.budgets import month_of
from quotas.selectors.freezes import Clash, clash_of
from quotas.selectors.metering import HeldSpan
from quotas.selectors.rooms import entry_of, room_by

LATELY = timedelta(days=30)  # a denial of so long ago still counts
PAST_BURSTS = 3
PastBurst = tuple[int, Window, int]  # number of the request, window, units
Reports = dict[int, dict[str, Any]]  # the facts of those that have one, by request number

# One row. The baseline is what is adopted, or baseline; a reversal counts against the kind of what
# it takes back. Freezes are those of `FreezeQuerySet.touching`. Past bursts are told as people see
# them, without the lead.
STANDING = """
SELECT pool.reserve_units, newest.limit_units, newest.outside_units, (
    SELECT sum(held.units) FROM quotas_ledgerentry held
    LEFT JOIN quotas_ledgerentry whole ON whole.id = held.reverses_id
    WHERE held.deployment_id = %(deployment)s
    AND held.effective_from <= %(start)s AND held.effective_until > %(start)s
    AND coalesce(whole.kind, held.kind) IN ('adopted', 'baseline')
), (
    SELECT amount FROM quotas_teambudget
    WHERE team_id = %(team)s AND from_month <= %(month)s AND until_month > %(month)s
), EXISTS (
    SELECT FROM quotas_capacityrequest WHERE service_id = %(service)s AND state = 'denied'
    AND decided_at > %(lately)s AND decided_at <= %(at)s
), (
    SELECT json_agg(met ORDER BY starts, pk) FROM (
        SELECT id AS pk, reason, pool_id, effective_from AS starts,
            least(effective_until, ended_at) AS ends
        FROM quotas_freeze WHERE pool_id = pool.id OR pool_id IS NULL
    ) met WHERE ends > starts AND starts < %(end)s AND ends > %(start)s
), (
    SELECT json_agg(burst ORDER BY ends DESC, pk DESC) FROM (
        SELECT held.id AS pk, request.id AS number, held.units, report.facts AS report,
            greatest(held.effective_from, request.starts_at) AS starts,
            held.effective_until AS ends
        FROM quotas_ledgerentry held
        JOIN quotas_capacityrequest request ON request.id = held.request_id
        LEFT JOIN quotas_burstreport report ON report.request_id = request.id
        WHERE held.deployment_id = %(deployment)s AND held.kind = 'burst'
        AND request.kind IN ('burst', 'extension') AND NOT held.is_reissued
        AND held.effective_until <= %(starts_at)s ORDER BY ends DESC, pk DESC LIMIT %(past)s
    ) burst
), (
    SELECT max(number) FROM quotas_policyversion
)
FROM quotas_pool pool
LEFT JOIN LATERAL (
    SELECT limit_units, outside_units FROM quotas_poollimit WHERE pool_id = pool.id
    ORDER BY observed_at DESC, id DESC LIMIT 1
) newest ON true
WHERE pool.id = %(pool)s"""

# Rows as `entry_of` takes them; times in microseconds, as there may be thousands.
AROUND = """
SELECT is_past, deployment_id, units,
    (EXTRACT(EPOCH FROM effective_from) * 1000000)::bigint,
    (EXTRACT(EPOCH FROM effective_until) * 1000000)::bigint, service_id, kind, request_id
FROM (
    SELECT false AS is_past, deployment_id, units, effective_from, effective_until, service_id,
        kind, request_id
    FROM quotas_ledgerentry
    WHERE pool_id = %(pool)s::bigint
    AND tstzrange(effective_from, effective_until) && tstzrange(%(start)s, %(end)s)
    UNION ALL
    SELECT true, held.deployment_id, held.units, held.effective_from, held.effective_until,
        held.service_id, coalesce(whole.kind, held.kind), held.request_id
    FROM quotas_ledgerentry held
    LEFT JOIN quotas_ledgerentry whole ON whole.id = held.reverses_id
    WHERE held.deployment_id = %(deployment)s AND held.kind <> 'reserve'
    AND held.effective_from < %(until)s AND held.effective_until > %(since)s
) entry"""


@dataclass(frozen=True)
class Standing:
    """`baseline` in units, of the deployment at the start of the window; `budget` of the team for
    this month, None without one; `freezes` that the window meets, earliest first; `past` the last
    bursts that ended before the start, newest first, with the reports on them; `policy_number` of
    the version in force, None where none was published yet.
    """

    room: Room
    baseline: int
    budget: Decimal | None
    denied_lately: bool
    freezes: tuple[Clash, ...]
    past: tuple[PastBurst, ...]
    reports: Reports
    policy_number: int | None


def standing(
    service: Service, deployment: Deployment, window: Window, *, starts_at: datetime, at: datetime
) -> Standing:
    """Of the deployment's pool; `window` is the ledger's, `starts_at` the start that people see.
    One query.
    """
    asked = {
        "pool": deployment.pool_id, "deployment": deployment.pk, "service": service.pk,
        "team": service.team_id, "month": month_of(at), "start": window.start, "end": window.end,
        "lately": at - LATELY, "at": at, "starts_at": starts_at, "past": PAST_BURSTS,
    }  # fmt: skip
    [[reserve, limit, outside, baseline, budget, was_denied, freezes, past, policy]] = _read(
        STANDING, asked
    )
    return Standing(
        room_by(reserve, limit, outside),
        int(baseline or 0),
        budget,
        was_denied,
        tuple(_clash(each, window, starts_at) for each in freezes or ()),
        tuple((each["number"], _window(each), each["units"]) for each in past or ()),
        {each["number"]: each["report"] for each in past or () if each["report"] is not None},
        policy,
    )


def _window(row: dict[str, Any]) -> Window:
    return Window(*(datetime.fromisoformat(row[name]) for name in ("starts", "ends")))


def _clash(freeze: dict[str, Any], window: Window, starts_at: datetime) -> Clash:
    held = _window(freeze)
    reason, pool_id = freeze["reason"], freeze["pool_id"]
    return clash_of(freeze["pk"], held, reason, pool_id, window, starts_at)


def ledger_around(
    deployment: Deployment, window: Window, history: Window
) -> tuple[list[Entry], list[HeldSpan]]:
    """Every entry of the deployment's pool that touches the window (`rooms.pool_entries`); and who
    held how much of the deployment, in whatever pool, in the history (`metering.held_spans`). One
    query; each half finds its rows by an index.
    """
    asked = {
        "pool": deployment.pool_id, "deployment": deployment.pk, "start": window.start,
        "end": window.end, "since": history.start, "until": history.end,
    }  # fmt: skip
    entries: list[Entry] = []
    spans: list[HeldSpan] = []
    for is_past, *row in _read(AROUND, asked):
        entry = entry_of(*row)
        if is_past:
            spans.append(_span(entry, history))
        else:
            entries.append(entry)
    return entries, spans


def _span(entry: Entry, history: Window) -> HeldSpan:
    start, end = entry.window.start, entry.window.end
    held = Window(max(start, history.start), min(end, history.end))
    return HeldSpan(entry.deployment_id, entry.service_id, entry.units, entry.kind, held)


def _read(statement: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
