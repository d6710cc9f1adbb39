"""What the page of a service needs of its use."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from portal.kernel.received import Received
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to
from quotas.selectors.metering import HeldSpan
from quotas.selectors.service_capacity import ServiceCapacity
from showback.domain.days import total
from showback.domain.measures import MISSING
from showback.domain.percentiles import percentiles
from showback.selectors.deployment_use import (
    MINUTES_UP_TO,
    DeploymentUse,
    deployment_uses,
    newest_of,
)

Ints = NDArray[np.int64]
# A minute older than this is no "now".
NOW_WITHIN = timedelta(minutes=20)


@dataclass(frozen=True)
class UseFigures:
    """For the answer line. Tokens per minute, over the window; None: not known, never nought.

    Peaks and percentiles are of all deployments together, minute by minute (hour by hour beyond two
    days), and so are minutes with refusals; beyond two days those are of each deployment, together.
    `peak_of_held` is the largest share of what was held at its own moment.
    """

    now: int | None
    newest_minute: datetime | None
    held: int | None
    peak: int | None
    peak_of_held: float | None
    p95: int | None
    throttled_minutes: int | None
    throttled_requests: int | None
    received: Received


@dataclass(frozen=True)
class ServiceUse:
    window: Window
    step: timedelta
    deployments: list[DeploymentUse]
    figures: UseFigures


def in_whole_steps(window: Window) -> Window:
    """Widened to whole minutes, beyond 48 hours to whole hours: what `service_use` can draw."""
    step = step_of(window)
    return Window(floor_to(window.start, step), ceil_to(window.end, step))


def step_of(window: Window) -> timedelta:
    return MINUTE if window.length <= MINUTES_UP_TO else HOUR


def service_use(capacity: ServiceCapacity) -> ServiceUse:
    """Use against held capacity of every deployment that the service is mapped to or held.

    `capacity` is of a window in whole steps, and of a service that the person may see: nothing here
    checks that again.
    """
    window = capacity.window
    uses = deployment_uses(capacity.metered, capacity.held, window, at=capacity.at)
    return ServiceUse(window, step_of(window), uses, _figures(uses, capacity))


def ceil_to(at: datetime, step: timedelta) -> datetime:
    floor = floor_to(at, step)
    return floor if floor == at else floor + step


def _figures(uses: list[DeploymentUse], capacity: ServiceCapacity) -> UseFigures:
    used, throttled = _together([u.used for u in uses]), _together([u.throttled for u in uses])
    held = _held(uses)
    known = used[used != MISSING]
    p95, peak = percentiles(known, (0.95, 1.0)) or (None, None)
    newest = newest_of(uses)
    is_now = newest is not None and capacity.at - newest[0] <= NOW_WITHIN
    calls = throttled[throttled != MISSING]
    return UseFigures(
        now=newest[1] if newest and is_now and uses[0].step == MINUTE else None,
        newest_minute=newest[0] if newest else None,
        held=_held_now(uses, capacity.held_now),
        peak=peak,
        peak_of_held=_peak_of_held(used, held),
        p95=p95,
        throttled_minutes=(
            (int((calls > 0).sum()) if calls.size else None)
            if uses and uses[0].step == MINUTE
            else total(use.refused_minutes for use in uses)
        ),
        throttled_requests=int(calls.sum()) if calls.size else None,
        received=sum((use.received for use in uses), Received()),
    )


def _together(parts: list[Ints]) -> Ints:
    """The sum at each step of what came; a gap where any part is one."""
    if not parts:
        return np.empty(0, dtype=np.int64)
    stacked = np.stack(parts)
    return np.where((stacked == MISSING).any(axis=0), MISSING, stacked.sum(axis=0))


def _held(uses: list[DeploymentUse]) -> Ints | None:
    parts = [use.held for use in uses]
    known = [part for part in parts if part is not None]
    return _together(known) if known and len(known) == len(parts) else None


def _held_now(uses: list[DeploymentUse], spans: Iterable[HeldSpan]) -> int | None:
    """None where nobody states what a unit of each serves. `spans` are those in force."""
    rates = {use.deployment_id: use.tokens_per_unit for use in uses}
    if not rates or None in rates.values():
        return None
    return sum(span.units * (rates[span.deployment_id] or 0) for span in spans)


def _peak_of_held(used: Ints, held: Ints | None) -> float | None:
    if held is None or not used.size:
        return None
    known = (used != MISSING) & (held > 0)
    return float((used[known] / held[known]).max()) if known.any() else None
