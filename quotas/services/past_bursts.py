"""The bursts that came before: what the ledger held of them, and what their reports say."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.kernel.windows import Window
from quotas.gateway import UsageEvidence
from quotas.models import Deployment, LedgerEntry

PAST_BURSTS = 3
COLUMNS = ("request_id", "units", "effective_from", "effective_until", "request__starts_at",
           "request__burst_report__facts")  # fmt: skip
PastBurst = tuple[int, Window, int]  # number of the request, window, units
Reports = dict[int, dict[str, Any]]  # the facts of those that have one, by request number


def past_bursts(
    deployment: Deployment, *, before: datetime
) -> tuple[tuple[PastBurst, ...], Reports]:
    """(number, window, units) of the last bursts that ended before, newest first; by number the
    facts of the reports on them.
    """
    rows = LedgerEntry.objects.filter(
        deployment=deployment,
        kind=LedgerEntry.Kind.BURST,
        request__kind__in=["burst", "extension"],
        is_reissued=False,
        effective_until__lte=before,
    ).order_by("-effective_until", "-pk")
    found: list[PastBurst] = []
    reports: Reports = {}
    for number, units, start, end, asked_from, report in rows.values_list(*COLUMNS)[:PAST_BURSTS]:
        # As people see it: without the lead.
        found.append((number, Window(max(start, asked_from), end), units))
        if report is not None:
            reports[number] = report
    return tuple(found), reports


def last_share(
    past: tuple[PastBurst, ...],
    usage: UsageEvidence,
    reports: Reports,
) -> Decimal | None:
    """Of the last burst; as its report has it where the minutes are not there any more."""
    if not past:
        return None
    number = past[0][0]
    used = usage.used_share_of_past_bursts.get(number)
    if used is None:
        used = reports.get(number, {}).get("peak_share")
    return None if used is None else Decimal(str(round(used, 4)))
