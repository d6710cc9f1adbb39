"""What could be offered: how much fits over a window, and how long an amount fits. Reads only."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.kernel.windows import FOREVER, Window
from quotas.domain.availability import Fit, fit_beside
from quotas.domain.terms import Terms
from quotas.models import CapacityRequest
from quotas.selectors.amounts import step_of_request
from quotas.selectors.rooms import held_and_room
from quotas.services import policy
from quotas.services.granting import granted_window, lead_of


@dataclass(frozen=True)
class SafeRegion:
    """`largest_units` fits at every instant of the window, in whole steps of the model. All of the
    amount fits up to `longest_until`, beyond the window too but no longer than the policy lets a
    burst last; None: not even at the start.
    """

    fit: Fit
    largest_units: int
    longest_until: datetime | None


def safe_region(request: CapacityRequest, terms: Terms, *, at: datetime) -> SafeRegion:
    """As the ledger stands now; the answer itself checks again. Raises DomainError for a window
    that is over. The deployment has a pool.
    """
    pool = request.deployment.pool
    if pool is None:
        raise ValueError("a deployment without a pool cannot be granted anything")
    window = granted_window(terms.window, lead_of(request, pool), at)
    far = Window(window.start, _furthest(terms.window, at=at))
    held, room = held_and_room(pool, far)
    inside = [step for step in held if step.at < window.end]
    found = fit_beside(inside, room, window, terms.units)
    longest = fit_beside(held, room, far, terms.units).longest
    is_use = longest is not None and longest.end > max(terms.window.start, window.start)
    return SafeRegion(
        found, _whole_steps(request, found), longest.end if is_use and longest else None
    )


def _furthest(window: Window, *, at: datetime) -> datetime:
    if window.end == FOREVER:
        return FOREVER
    _, rules = policy.current(at=at)
    return max(window.end, window.start + timedelta(hours=rules.longest_hours))


def _whole_steps(request: CapacityRequest, found: Fit) -> int:
    return step_of_request(request.deployment).at_most(found.largest_units)
