"""Who held how many units, and how many were deployed, hour by hour, in unit-seconds.

Unit-seconds are whole numbers, so sums are exact whatever the order.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from portal.kernel.windows import HOUR, Window, floor_to_hour

SECOND = timedelta(seconds=1)

HourKey = tuple[int, datetime]  # deployment, hour
ByService = dict[int | None, int]


@dataclass(frozen=True)
class Span:
    """Units over a window; a reversal is negative. `service_id` None: held by nobody we know."""

    deployment_id: int
    service_id: int | None
    units: int
    window: Window


def held_by_hour(spans: Iterable[Span]) -> dict[HourKey, ByService]:
    """Unit-seconds of each service. Services whose entries cancel out are left out."""
    held: dict[HourKey, ByService] = defaultdict(lambda: defaultdict(int))
    for span in spans:
        for hour, seconds in _seconds_by_hour(span.window):
            held[span.deployment_id, hour][span.service_id] += span.units * seconds
    return {
        key: {service: amount for service, amount in by_service.items() if amount > 0}
        for key, by_service in held.items()
    }


def deployed_by_hour(
    observations: Mapping[int, Sequence[tuple[datetime, int]]],
    spans: Iterable[Span],
    window: Window,
    gone_at: Mapping[int, datetime],
) -> dict[HourKey, int]:
    """Unit-seconds that Azure had deployed, of every deployment with observations or holders.

    `observations` are (moment, units) in order, each in force until the next, up to `gone_at`.
    Before the first one nobody looked: there what was held, until it was gone, is taken for what
    was deployed.
    """
    deployed: dict[HourKey, int] = defaultdict(int)
    assumed = _before_first_look(_until_gone(spans, gone_at), observations)
    for key, by_service in held_by_hour(assumed).items():
        deployed[key] += sum(by_service.values())
    for deployment, seen in observations.items():
        end = min(window.end, gone_at.get(deployment, window.end))
        ends = [*(moment for moment, _ in seen[1:]), end]
        for (start, units), until in zip(seen, ends, strict=True):
            if start < min(until, end):
                part = Window(start, min(until, end)).clipped_to(window)
                for hour, seconds in _seconds_by_hour(part) if part else ():
                    deployed[deployment, hour] += units * seconds
    return deployed


def _until_gone(spans: Iterable[Span], gone_at: Mapping[int, datetime]) -> Iterable[Span]:
    """A holder of what is gone goes on holding it until somebody decides; it costs nothing."""
    for span in spans:
        end = min(span.window.end, gone_at.get(span.deployment_id, span.window.end))
        if span.window.start < end:
            yield replace(span, window=Window(span.window.start, end))


def _before_first_look(
    spans: Iterable[Span], observations: Mapping[int, Sequence[tuple[datetime, int]]]
) -> Iterable[Span]:
    for span in spans:
        seen = observations.get(span.deployment_id)
        if not seen:
            yield span
        elif span.window.start < seen[0][0]:
            end = min(span.window.end, seen[0][0])
            yield replace(span, window=Window(span.window.start, end))


def _seconds_by_hour(window: Window) -> Iterable[tuple[datetime, int]]:
    start, following = window.start, floor_to_hour(window.start) + HOUR
    while start < window.end:
        yield following - HOUR, (min(following, window.end) - start) // SECOND
        start, following = following, following + HOUR
