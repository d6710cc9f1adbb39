"""How Azure answers, for the health page: calls of the last hours, and what is paused until when.

Everything here is of real time; where the portal's own clock was set (demo), times are shown as
that clock would have them.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from portal.cloud import calls, pauses
from portal.cloud.calls import Kind, Totals
from portal.cloud.endpoints import (
    PLANE_WORDS,
    Endpoint,
    Plane,
    arm_endpoint,
    logs_endpoint,
    metrics_endpoint,
)
from portal.cloud.pauses import Pause, Why
from portal.kernel.clock import real_now
from portal.kernel.status import Status, Tone
from portal.kernel.windows import HOUR, floor_to

HOURS = 2  # the running hour and the one before: never less than an hour once it ran so long
KIND_WORDS = {
    Kind.THROTTLED: "throttled",
    Kind.CONFLICT: "met another change",
    Kind.REFUSED: "refused",
    Kind.SERVER_ERROR: "failed in Azure",
    Kind.TIMEOUT: "without an answer",
    Kind.UNREADABLE: "unreadable",
    Kind.HELD: "not sent while paused",
}
# One plane with a larger share of its calls without a good answer is worth a look.
TROUBLED_SHARE = 0.2


@dataclass(frozen=True)
class PauseSeen:
    """One endpoint that is left alone; `until` is past when the next call there is the trial."""

    name: str  # of what: a region, a subscription, "all calls"
    why: Why
    until: datetime
    is_over: bool
    failures: int


@dataclass(frozen=True)
class PlaneHealth:
    """One plane of Azure since `since` (the portal's clock)."""

    plane: Plane
    since: datetime
    totals: Totals
    pauses: tuple[PauseSeen, ...] = ()

    @property
    def name(self) -> str:
        return PLANE_WORDS[self.plane]

    @property
    def troubles(self) -> list[tuple[int, str]]:
        """Calls that did not end well, in words: (3, "throttled")."""
        found = self.totals.by_kind
        return [(found[kind], words) for kind, words in KIND_WORDS.items() if kind in found]

    @property
    def is_well(self) -> bool:
        bad = sum(
            count
            for kind, count in self.totals.by_kind.items()
            if kind in {Kind.SERVER_ERROR, Kind.TIMEOUT, Kind.UNREADABLE}
        )
        return not self.pauses and bad <= TROUBLED_SHARE * self.totals.calls

    @property
    def is_paused(self) -> bool:
        """By us, after failures; a wait that Azure asked for is none."""
        return any(pause.why is Why.FAILED for pause in self.pauses)

    @property
    def is_waiting(self) -> bool:
        """As Azure asked."""
        return any(pause.why is Why.THROTTLED for pause in self.pauses)

    @property
    def status(self) -> Status:
        if self.is_paused:
            return Status("Paused", Tone.DANGER)
        if self.is_waiting:
            return Status("Waiting", Tone.ATTENTION)
        if not self.totals.calls:
            return Status("Not called", Tone.QUIET)
        return Status("Normal", Tone.OK) if self.is_well else Status("Unsteady", Tone.ATTENTION)

    @property
    def seconds_per_call(self) -> float | None:
        return self.totals.seconds / self.totals.calls if self.totals.calls else None


def azure_health(
    subscription_ids: Iterable[str],
    regions: Iterable[str],
    *,
    with_logs: bool = False,
    at: datetime,
) -> list[PlaneHealth]:
    """Of each plane; `regions` are those whose metrics are pulled. `at` is the portal's now.

    Log Analytics is among them `with_logs` only: many installations have no gateway.
    """
    subscriptions = [each.lower() for each in subscription_ids]
    arm = [(arm_endpoint(), "")]
    monitor = [(metrics_endpoint(region), region) for region in regions]
    return [
        _plane_health(Plane.ARM, arm, subscriptions, at),
        _plane_health(Plane.METRICS, monitor, subscriptions, at),
        # Its addresses name no subscription, so its waits are kept under none.
        *([_plane_health(Plane.LOGS, [(logs_endpoint(), "")], [""], at)] if with_logs else []),
        _plane_health(Plane.IDENTITY, [], subscriptions, at),
    ]


def _plane_health(
    plane: Plane, endpoints: list[tuple[Endpoint, str]], subscriptions: list[str], at: datetime
) -> PlaneHealth:
    real = real_now()
    # Whole seconds: `at` was asked a moment ago, and 11:00 must not become 10:59.
    offset = timedelta(seconds=round((at - real).total_seconds()))
    return PlaneHealth(
        plane,
        since=floor_to(real, HOUR) - (HOURS - 1) * HOUR + offset,
        totals=calls.totals(plane, at=real, hours=HOURS),
        pauses=tuple(
            _pause_seen(pause, name, real, offset)
            for endpoint, name in endpoints
            for pause in pauses.pauses_of(endpoint, subscriptions, at=real.timestamp())
        ),
    )


def _pause_seen(pause: Pause, name: str, real: datetime, offset: timedelta) -> PauseSeen:
    subscription = f"subscription {pause.subscription_id}" if pause.subscription_id else ""
    name = ", ".join(filter(None, [name, subscription])) or "all calls"
    until = datetime.fromtimestamp(pause.until, real.tzinfo)
    return PauseSeen(name, pause.why, until + offset, until <= real, pause.failures)
