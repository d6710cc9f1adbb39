"""What could be offered, in words; and an offer that waits, as its requester reads it."""

from dataclasses import dataclass
from datetime import datetime

from portal.kernel.shown import Shown
from quotas.domain.availability import Fit
from quotas.domain.states import RequestState
from quotas.domain.terms import Terms, lies_inside
from quotas.models import CapacityRequest, Decision, LedgerEntry
from quotas.selectors import words
from quotas.selectors.stage_words import spoken_by

WAITS_FOR_ASKER = {
    RequestState.COUNTER_OFFERED: Decision.Outcome.COUNTER_OFFERED,
    RequestState.NEEDS_INFO: Decision.Outcome.ASKED,
}


@dataclass(frozen=True)
class RegionShown:
    """`largest` over the window that is typed, None for nothing; all of the amount fits `until`
    then, None where it does not even at the start. `is_inside`: a part of what was asked.
    """

    fits: bool
    amount: Shown
    largest: Shown | None
    until: Shown | None
    fullest: Shown
    is_inside: bool


def region_shown(
    request: CapacityRequest,
    terms: Terms,
    *,
    found: Fit,
    largest_units: int,
    longest_until: datetime | None,
    now: datetime,
) -> RegionShown:
    deployment = request.deployment
    asked = Terms(request.units, request.window)
    return RegionShown(
        fits=found.fits,
        amount=words.amount(deployment, terms.units),
        largest=words.amount(deployment, largest_units) if largest_units else None,
        until=words.moment(longest_until, now=now) if longest_until else None,
        fullest=words.moment(found.tightest_at, now=now),
        is_inside=lies_inside(terms, asked) and terms != asked,
    )


@dataclass(frozen=True)
class Turn:
    """What waits for the person who asked: an offer, or a question. `held`: room is kept for it."""

    is_offer: bool
    by: str
    note: str
    amount: Shown
    window: Shown
    held: bool
    until: Shown


def turn_of(request: CapacityRequest, *, now: datetime) -> Turn | None:
    """None where nothing waits for whoever asked."""
    outcome = WAITS_FOR_ASKER.get(RequestState(request.state))
    if outcome is None:
        return None
    rows = request.decisions.filter(outcome=outcome).select_related("decided_by", "delegated_by")
    said = rows.order_by("-at", "-pk").first()
    if said is None:
        return None
    units = request.units if said.units is None else said.units
    start, end = said.starts_at or request.starts_at, said.ends_at or request.window.end
    hold = LedgerEntry.objects.filter(request=request, kind=LedgerEntry.Kind.HOLD)
    return Turn(
        is_offer=outcome == Decision.Outcome.COUNTER_OFFERED,
        by=spoken_by(said),
        note=said.note,
        amount=words.on_top(request.deployment, units),
        window=words.span(start, end, now=now),
        held=hold.in_force_at(start).filter(reversals__isnull=True).exists(),
        until=words.moment(request.deadline_at, now=now),
    )
