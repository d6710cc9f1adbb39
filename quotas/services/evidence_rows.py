"""Evidence as it is kept: stored with a request as seen, and anew when the ledger moved."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q

from quotas.models import CapacityRequest, Evidence, Freeze, LedgerEntry
from quotas.services.evidence import Judged, asked_of, gather

MOST_OTHERS = 12  # bursts beside a request that are named


def store(request: CapacityRequest, judged: Judged, *, at: datetime) -> Evidence:
    return Evidence.objects.create(request=request, computed_at=at, facts=as_json(judged))


def refresh_open(*, at: datetime) -> int:
    """Computes evidence again for open requests whose pool's ledger, or freezes, changed since.

    Returns how many.
    """
    refreshed = 0
    waiting = CapacityRequest.objects.open().filter(deployment__pool__isnull=False)
    fed = waiting.select_related("deployment__pool", "deployment__account")
    for request in fed.select_related("service__owner"):
        newest = request.evidence.first()
        if newest and not _has_changed(request.deployment.pool_id, since=newest.computed_at):
            continue
        store(request, gather(asked_of(request), at=at), at=at)
        refreshed += 1
    return refreshed


def _has_changed(pool_id: int | None, *, since: datetime) -> bool:
    """Whether the pool's ledger, or a freeze that it may meet, was written since."""
    if LedgerEntry.objects.filter(pool=pool_id, recorded_at__gt=since).exists():
        return True
    freezes = Freeze.objects.for_pool(pool_id)
    return freezes.filter(Q(recorded_at__gt=since) | Q(ended_at__gt=since)).exists()


def as_json(judged: Judged) -> dict[str, Any]:
    """Plain JSON; money as text, so nothing is lost. Read by `quotas.selectors.cards`."""
    usage = judged.usage
    return {
        "baseline_units": judged.baseline_units,
        "fit": {
            "asked_units": judged.fit.asked_units,
            "largest_units": judged.fit.largest_units,
            "tightest_at": judged.fit.tightest_at.isoformat(),
            "peak_held_units": judged.fit.peak_held_units,
            "room_units": judged.fit.room_units,
            "longest_until": judged.fit.longest.end.isoformat() if judged.fit.longest else None,
        },
        **_others(judged),
        "freezes": [clash.as_json() for clash in judged.freezes],
        "past_bursts": [
            {
                "request": number,
                "units": units,
                "from": window.start.isoformat(),
                "until": window.end.isoformat(),
                "used_share": usage.used_share_of_past_bursts.get(number),
                "report": judged.past_reports.get(number),
            }
            for number, window, units in judged.past_bursts
        ],
        "usage": {
            "days_of_minutes": usage.days_of_minutes,
            "completeness": usage.completeness,
            "p50": usage.p50_tokens_per_minute,
            "p95": usage.p95_tokens_per_minute,
            "p99": usage.p99_tokens_per_minute,
            "peak": usage.peak_tokens_per_minute,
            "throttled_minutes_7_days": usage.throttled_minutes_7_days,
            "throttled_requests_7_days": usage.throttled_requests_7_days,
            "likely_cause": usage.likely_cause_7_days,
            "replayed_now": usage.replayed_throttled_minutes_now,
            "replayed_with": usage.replayed_throttled_minutes_with,
        },
        "cost_if_fully_used": _text(judged.cost_if_fully_used),
        "cost_as_used": _text(judged.cost_as_used),
        "month_to_date": _text(usage.month_to_date_usd),
        "policy_facts": judged.facts.as_json(),
    }


def _others(judged: Judged) -> dict[str, Any]:
    """The next bursts beside it, and how many come after them: what lasts for good meets every one
    that is still to come, and this is kept anew each time that the ledger moves.
    """
    bursts = [each for each in judged.others if each.request_id]
    bursts.sort(key=lambda each: (each.window.start, each.window.end, each.request_id))
    return {
        "others": [
            {
                "request": each.request_id,
                "units": each.units,
                "until": each.window.end.isoformat(),
            }
            for each in bursts[:MOST_OTHERS]
        ],
        "later_others": len(bursts[MOST_OTHERS:]),
    }


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(round(amount, 4))
