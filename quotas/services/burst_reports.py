"""The report on a burst that is over: made once, when its last minutes are in, and kept.

It outlives the minutes behind it, is told to whoever asked, and is part of the evidence of the next
request. What did not arrive in LAST_MINUTES_AFTER is said to be missing.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q

from portal.kernel.windows import Window
from quotas.gateway import BurstUse, evidence_source
from quotas.models import BurstReport, CapacityRequest, LedgerEntry
from quotas.selectors.burst_report import LAST_MINUTES_AFTER
from quotas.selectors.metering import metered


def make_report(request: CapacityRequest, window: Window, *, at: datetime) -> BurstReport | None:
    """`window` as it was granted and held. None while minutes of it may still come; the report that
    is there where it was made before. The caller's transaction.
    """
    made = BurstReport.objects.filter(request=request).first()
    if made is not None:
        return made
    spans = spans_of(request)
    found = evidence_source().burst_use(metered(request.deployment), window=window, spans=spans)
    if found.minutes_received < found.minutes and at < window.end + LAST_MINUTES_AFTER:
        return None
    granted = max((units for _, units in spans), default=0)
    facts = as_json(found, window, asked=request.units, granted=granted)
    return BurstReport.objects.create(request=request, made_at=at, facts=facts)


def spans_of(request: CapacityRequest) -> tuple[tuple[Window, int], ...]:
    """What the ledger held of the grant: its entries, and what was taken back of them below nought.
    Offers that were only held are not among them.
    """
    burst = LedgerEntry.Kind.BURST
    own = Q(request=request, kind=burst) | Q(reverses__request=request, reverses__kind=burst)
    rows = LedgerEntry.objects.filter(own).order_by("effective_from", "pk")
    return tuple((row.window, row.units) for row in rows)


def as_json(found: BurstUse, window: Window, *, asked: int, granted: int) -> dict[str, Any]:
    """Plain JSON; money as text. Read by `quotas.selectors.burst_report`."""
    return {
        "from": window.start.isoformat(),
        "until": window.end.isoformat(),
        "asked_units": asked,
        "granted_units": granted,
        "minutes": found.minutes,
        "minutes_received": found.minutes_received,
        "peak_share": found.peak_share,
        "mean_share": found.mean_share,
        "peak_tokens_per_minute": found.peak_tokens_per_minute,
        "mean_tokens_per_minute": found.mean_tokens_per_minute,
        "minutes_judged": found.minutes_judged,
        "throttled_with": found.throttled_with,
        "throttled_without": found.throttled_without,
        "cost": None if found.cost is None else str(round(found.cost, 4)),
        "cost_is_estimated": found.cost_is_estimated,
        "currency": settings.HEADROOM_CURRENCY,
    }
