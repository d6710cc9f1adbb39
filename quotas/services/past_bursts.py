"""The bursts that came before: what the ledger held of them, and what their reports say."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.kernel.windows import Window
from quotas.gateway import UsageEvidence
from quotas.models import Deployment, LedgerEntry

PAST_BURSTS = 3
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
    )
    newest = list(
        rows.select_related("request__burst_report").order_by("-effective_until", "-pk")[
            :PAST_BURSTS
        ]
    )
    reports = {
        row.request.pk: row.request.burst_report.facts
        for row in newest
        if row.request and hasattr(row.request, "burst_report")
    }
    return tuple((row.request_id or 0, _shown_window(row), row.units) for row in newest), reports


def _shown_window(entry: LedgerEntry) -> Window:
    """As people see it: without the lead."""
    asked_from = entry.request.starts_at if entry.request else entry.effective_from
    return Window(max(entry.effective_from, asked_from), entry.effective_until)


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
