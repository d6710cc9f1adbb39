"""What could be offered, in words; and an offer that waits, as its requester reads it."""

from dataclasses import dataclass
from datetime import datetime

from portal.kernel.shown import Shown
from quotas.domain.availability import Fit
from quotas.domain.terms import Terms, lies_inside
from quotas.models import CapacityRequest
from quotas.selectors import words


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
