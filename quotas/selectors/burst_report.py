"""The report on a burst that is over, for people: what was asked, granted, used, saved and paid.

Reads the JSON that `quotas.services.burst_reports.as_json` keeps; null stays "not known".
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from portal.kernel import formatting
from portal.kernel.shown import Shown, not_known
from portal.kernel.windows import DAY, HOUR
from portal.models import Notice
from portal.outbox import Event
from quotas.models import BurstReport, CapacityRequest, Deployment
from quotas.selectors import words
from quotas.selectors.grants import Grant

Facts = dict[str, Any]
# By then the minutes of the burst are settled (Azure sends the last ones late).
REPORT_AFTER = 2 * HOUR
# Minutes that are missing are waited for so long; then the report says that they are.
LAST_MINUTES_AFTER = 12 * HOUR
# What ended longer ago is history, of which nothing is told any more.
REPORT_LATEST = DAY
NO_USE = "How much of it was used is not known, as minutes are missing"


@dataclass(frozen=True)
class ReportPage:
    """`line` is the whole in a sentence; `complete` the share of its minutes that came."""

    line: str
    facts: list[tuple[str, Any]]
    complete: float
    made: Shown

    @property
    def has_gaps(self) -> bool:
        return self.complete < 1


def report_of(request: CapacityRequest, *, now: datetime) -> ReportPage | None:
    """None while there is none. One query."""
    report = BurstReport.objects.filter(request=request).first()
    if report is None:
        return None
    facts = report.facts
    return ReportPage(
        line=report_line(facts),
        facts=_rows(facts, request.deployment, now=now),
        complete=facts["minutes_received"] / facts["minutes"] if facts["minutes"] else 0.0,
        made=words.moment(report.made_at, now=now),
    )


def report_due(request: CapacityRequest, grant: Grant, *, now: datetime) -> Shown | None:
    """When the report on a burst that has ended comes; None of one that was never in Azure, and of
    one that ended before there were reports.
    """
    end = grant.given_back_at or grant.entry.effective_until
    if not end <= now < end + REPORT_LATEST or not was_up(request):
        return None
    return words.moment(end + REPORT_AFTER, now=now)


def was_up(request: CapacityRequest) -> bool:
    """Whether Azure was read back with it, or with the burst that it made longer."""
    if request.kind != CapacityRequest.Kind.BURST:
        return True
    told = Notice.objects.filter(subject=f"request/{request.pk}", event=Event.BURST_APPLIED)
    return told.exists()


def report_line(facts: Facts) -> str:
    """ "80 % of it was used at its busiest, 40 % on average; …": as the next approver reads it."""
    parts = [_used(facts), _saved(facts), _paid(facts)]
    return "; ".join(part for part in parts if part) + "."


def short_line(facts: Facts) -> str:
    """ "used 80 %, 40 % on average, 12 minutes kept from throttling, ≈ $12.40": on a card."""
    if facts["peak_share"] is None:
        return "use not known"
    saved = saved_minutes(facts)
    parts = [
        f"used {formatting.percent(facts['peak_share'])}",
        f"{formatting.percent(facts['mean_share'])} on average",
        "" if saved is None else f"{_minutes(saved)} kept from throttling",
        "" if facts["cost"] is None else str(_cost(facts)),
    ]
    return ", ".join(part for part in parts if part)


def saved_minutes(facts: Facts) -> int | None:
    """Minutes that the burst kept from being throttled; None where it is not known."""
    with_it, without = facts["throttled_with"], facts["throttled_without"]
    return None if with_it is None or without is None else without - with_it


def _used(facts: Facts) -> str:
    if facts["peak_share"] is None:
        return NO_USE
    peak, mean = formatting.percent(facts["peak_share"]), formatting.percent(facts["mean_share"])
    return f"{peak} of it was used at its busiest, {mean} on average"


def _saved(facts: Facts) -> str:
    saved = saved_minutes(facts)
    if saved is None:
        return ""
    if not saved:
        return "it kept no minute from being throttled"
    return f"{saved:,} minute{' was' if saved == 1 else 's were'} kept from being throttled"


def _paid(facts: Facts) -> str:
    return "" if facts["cost"] is None else f"it cost {_cost(facts)}"


def _cost(facts: Facts) -> Shown:
    if facts["cost"] is None:
        return not_known()
    shown = formatting.money(Decimal(facts["cost"]), facts["currency"])
    if not facts["cost_is_estimated"]:
        return shown
    return Shown(f"≈ {shown}", exact=f"estimated: {shown.exact}", value=shown.value)


def _rows(facts: Facts, deployment: Deployment, *, now: datetime) -> list[tuple[str, Any]]:
    start, end = (datetime.fromisoformat(facts[key]) for key in ("from", "until"))
    return [
        ("Asked", words.on_top(deployment, facts["asked_units"])),
        ("Approved", words.on_top(deployment, facts["granted_units"])),
        ("Held", words.span(start, end, now=now)),
        ("Used at its busiest", _share(facts["peak_share"], facts["peak_tokens_per_minute"])),
        ("Used on average", _share(facts["mean_share"], facts["mean_tokens_per_minute"])),
        ("Throttled minutes", _throttled(facts)),
        ("Kept from throttling", _minutes(saved_minutes(facts))),
        ("Cost of what it added", _cost(facts)),
    ]


def _share(share: float | None, tokens_per_minute: int | None) -> str | None:
    """Of what it added; in brackets what the whole deployment served."""
    if share is None:
        return None
    whole = f" ({formatting.tpm(tokens_per_minute)} in all)" if tokens_per_minute else ""
    return f"{formatting.percent(share)} of it{whole}"


def _throttled(facts: Facts) -> str | None:
    if facts["throttled_with"] is None:
        return None
    said = f"{facts['throttled_with']:,} with it, {facts['throttled_without']:,} without it"
    left = facts["minutes"] - facts["minutes_judged"]
    return f"{said}; {left:,} of {facts['minutes']:,} minutes are missing" if left else said


def _minutes(count: int | None) -> str | None:
    return None if count is None else f"{count:,} minute{'' if count == 1 else 's'}"
