"""Incidents of refusals as lines of a table."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.timezone import get_current_timezone

from portal.kernel import formatting
from portal.kernel.formatting_times import span
from portal.kernel.shown import Shown
from portal.kernel.status import Status, Tone
from showback.domain.throttling import Confidence
from showback.selectors.throttling import IncidentSeen, ServiceThrottling

TONES = {
    Confidence.HIGH: Tone.OK,
    Confidence.MEDIUM: Tone.INFO,
    Confidence.LOW: Tone.ATTENTION,
    Confidence.NONE: Tone.QUIET,
}


@dataclass(frozen=True)
class IncidentRow:
    """`confidence` None where the cause cannot be told."""

    starts_at: datetime
    window: Shown
    minutes: Shown
    refused: Shown
    cause: str
    confidence: Status | None
    because: str
    lost: Shown
    lost_tokens: Shown
    needed: Shown | None


def incident_rows(found: ServiceThrottling, *, most: int, at: datetime) -> list[IncidentRow]:
    """The newest, `most` of them."""
    zone = get_current_timezone()
    return [
        _row(found, seen, span(seen.window.start, seen.window.end, zone, now=at))
        for seen in found.incidents[:most]
    ]


def _row(found: ServiceThrottling, seen: IncidentSeen, window: Shown) -> IncidentRow:
    verdict, (likely, low, high) = seen.verdict, seen.lost
    sure = verdict.confidence
    return IncidentRow(
        starts_at=seen.window.start,
        window=window,
        minutes=formatting.count(seen.minutes),
        refused=formatting.count(seen.refused),
        cause=verdict.cause.words.capitalize(),
        confidence=Status(f"{sure} confidence", TONES[sure]) if sure else None,
        because=verdict.because,
        lost=Shown(f"{likely:,}", exact=f"between {low:,} and {high:,} calls", value=str(likely)),
        lost_tokens=formatting.compact(seen.lost_tokens),
        needed=needed(found, seen.needed_units) if seen.needed_units else None,
    )


def needed(found: ServiceThrottling, units: int) -> Shown:
    """Units as people read them: tokens a minute, PTUs."""
    if found.chosen.is_provisioned:
        return formatting.units(units, "PTU")
    return formatting.tpm(found.read.rate.tokens(units))
