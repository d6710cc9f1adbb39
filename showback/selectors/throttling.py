"""Refusals of one service: its incidents with their likely cause, what was lost, what it needed.

Of each deployment the numbers are Azure's and of all its callers. Whose calls they were is known
only where a gateway measured minutes; then the incidents are those that the service itself met.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

import numpy as np
from django.db.models import Sum
from numpy.typing import NDArray

from portal.kernel.received import Received
from portal.kernel.windows import MINUTE, Window
from quotas.selectors.metering import (
    HeldSpan,
    MeteredDeployment,
    deployments_of_service,
    held_spans,
)
from showback.domain.lost_demand import UniqueShare
from showback.domain.measures import MISSING
from showback.domain.minutes import ARRIVES_WITHIN, SETTLES_AFTER, due_minutes
from showback.domain.throttling import Incident, Minutes, Verdict
from showback.domain.throttling_causes import explained
from showback.models import UsageHour
from showback.selectors.service_minutes import ServiceMinutes, service_minutes
from showback.selectors.sharing import shared_windows
from showback.selectors.throttled_minutes import (
    ThrottledMinutes,
    history_window,
    throttled_minutes,
)

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MOST_LISTED = 50


@dataclass(frozen=True)
class IncidentSeen:
    """`refused` counts attempts; `lost` (likely, low, high) the requests behind them.

    `needed_units` would have served every minute of it; None where no rate is stated.
    """

    window: Window
    minutes: int
    refused: int
    verdict: Verdict
    lost: tuple[int, int, int]
    lost_tokens: int
    held_units: int
    needed_units: int | None

    @property
    def extra_units(self) -> int:
        """What would have had to be on top; 0 where that is not known."""
        return max(0, (self.needed_units or 0) - self.held_units)


@dataclass(frozen=True)
class ServiceThrottling:
    """`read` covers four weeks; `period` is the part that is shown. `knows_callers`: a gateway
    measured the service's own minutes. `hours_only` refusals are known by the hour alone.
    """

    deployments: list[MeteredDeployment]
    chosen: MeteredDeployment
    read: ThrottledMinutes
    period: Window
    is_shared: bool
    knows_callers: bool
    refused_by_hour: int

    @property
    def share(self) -> UniqueShare:
        return self.read.share

    @property
    def shown(self) -> slice:
        """The places of the period in the arrays."""
        first = int((self.period.start - self.read.window.start) / MINUTE)
        return slice(first, len(self.read.held))

    @cached_property
    def incidents(self) -> list[IncidentSeen]:
        """Of the period, newest first, at most 50."""
        found = explained(self.read.minutes, most=MOST_LISTED, unique=self.share.likely)
        return [self._seen(*each) for each in found if each[0].end > self.shown.start]

    @cached_property
    def missing(self) -> Bools:
        """Minutes of the period that ought to have come and did not."""
        refused, load = self.read.minutes.refused[self.shown], self.read.minutes.load[self.shown]
        known = (refused != MISSING) & (load != MISSING)
        return self._due(known) & ~known

    @property
    def received(self) -> Received:
        refused = self.read.minutes.refused[self.shown] != MISSING
        due = self._due(refused)
        return Received(int((due & refused).sum()), int(due.sum()))

    def _due(self, known: Bools) -> Bools:
        """The window ends where minutes settle; the last of them may be on their way."""
        until = self.period.end - (ARRIVES_WITHIN - SETTLES_AFTER)
        until = min(until, self.chosen.gone_at or until)
        return due_minutes(known, self.period, since=self.chosen.came_at, until=until)

    @property
    def known_minutes(self) -> int:
        return int((self.read.minutes.refused[self.shown] != MISSING).sum())

    @property
    def hours_only(self) -> bool:
        """Refusals were counted, and no minute of them arrived."""
        return not self.known_minutes and self.refused_by_hour > 0

    def _seen(self, incident: Incident, verdict: Verdict) -> IncidentSeen:
        read, span = self.read, incident.span
        refused = int(np.maximum(read.minutes.refused[span], 0).sum())
        by_gateway = int(np.maximum(read.minutes.by_gateway[span], 0).sum())
        some = read.minutes.at(span)
        answered = int(np.maximum(some.answered, 0).sum())
        tokens = int(np.maximum(some.load, 0).sum())
        lost = self.share.requests(refused + by_gateway)
        replay = read.replay(span)
        start = read.window.start
        return IncidentSeen(
            window=Window(start + incident.start * MINUTE, start + incident.end * MINUTE),
            minutes=incident.minutes,
            refused=incident.requests,
            verdict=verdict,
            lost=lost,
            lost_tokens=lost[0] * tokens // answered if answered else 0,
            held_units=int(read.held[span].max()),
            needed_units=replay.enough() if replay else None,
        )


def service_throttling(
    service_id: int, period: Window, *, at: datetime, deployment: str = ""
) -> ServiceThrottling | None:
    """Of one deployment: the one named by id, else the one that refused most in the four weeks.

    `service_id` is of a service that the caller has found among those its person may see. `period`
    ends at `at`, four weeks long at most. None for a service without a deployment.
    """
    window = history_window(at)
    found = deployments_of_service(service_id, window)
    if not found:
        return None
    spans = held_spans(window, deployment_ids=[each.id for each in found])
    refused = _refused_by_hour([each.id for each in found], window)
    named = [each for each in found if str(each.id) == deployment]
    chosen = named[0] if named else max(found, key=lambda each: refused.get(each.id, 0))
    whole = Window(max(window.start, min(period.start, window.end - MINUTE)), window.end)
    read = throttled_minutes(chosen, window, spans)
    own = service_minutes(chosen.id, window)
    met = as_the_service_met_it(read, own, chosen.id, service_id, spans)
    read = replace(read, minutes=met.minutes)
    return ServiceThrottling(
        deployments=found,
        chosen=chosen,
        read=read,
        period=whole,
        is_shared=met.minutes.is_shared,
        knows_callers=met.knows_callers,
        refused_by_hour=refused.get(chosen.id, 0),
    )


def _is_held_by_several(deployment_id: int, spans: Sequence[HeldSpan]) -> bool:
    mine = [span for span in spans if span.deployment_id == deployment_id]
    return len({span.service_id for span in mine if span.service_id is not None}) > 1


def _refused_by_hour(ids: list[int], window: Window) -> dict[int, int]:
    rows = (
        UsageHour.objects.filter(deployment_id__in=ids, hour__gte=window.start, hour__lt=window.end)
        .values("deployment_id")
        .annotate(refused=Sum("throttled_requests"))
        .order_by()
    )
    return {row["deployment_id"]: row["refused"] or 0 for row in rows}


@dataclass(frozen=True)
class Met:
    """Minutes as one service met them; `knows_callers` where a gateway measured them."""

    minutes: Minutes
    knows_callers: bool


def as_the_service_met_it(
    read: ThrottledMinutes,
    own: ServiceMinutes | None,
    deployment_id: int,
    service_id: int,
    spans: Sequence[HeldSpan],
) -> Met:
    """The deployment's minutes with the service's share of them and the gateway's refusals; `own`
    are those of the services, of the same window.

    Of a shared deployment only refusals that the service met are its incidents. Where the gateway
    was not read, the deployment's stay, and nobody can tell whose they were. One query.
    """
    is_shared = bool(shared_windows(read.window, [deployment_id])) or _is_held_by_several(
        deployment_id, spans
    )
    minutes = replace(read.minutes, is_shared=is_shared)
    if own is None or service_id not in own.by_service:
        return Met(minutes, knows_callers=False)
    mine = own.by_service[service_id]
    total = sum(np.maximum(each["ok"], 0) for each in own.by_service.values())
    share = np.rint(1000 * np.maximum(mine["ok"], 0) / np.maximum(total, 1)).astype(np.int64)
    known = own.received & (mine["ok"] != MISSING) & (total > 0)
    own_refused = np.where(own.received, np.maximum(mine["throttled"], 0), minutes.refused)
    met = replace(
        minutes,
        own_share=np.where(known, share, MISSING),
        by_gateway=np.where(own.received, np.maximum(mine["throttled_by_gateway"], 0), MISSING),
        refused=own_refused if is_shared else minutes.refused,
        only_own_refusals=is_shared,
    )
    return Met(met, knows_callers=True)
