"""`quotas.gateway.EvidenceSource`: what is known of the use that a request is about."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from portal.kernel.windows import MINUTE, Window, floor_to_minute
from quotas.gateway import BurstUse, ListPrice, Priced, Sharing, UsageEvidence
from quotas.selectors.metering import HeldSpan, MeteredDeployment, held_spans
from showback.domain.bands import held_at_steps
from showback.domain.measures import MISSING
from showback.domain.minutes import ARRIVES_WITHIN, SETTLES_AFTER, due_minutes
from showback.domain.percentiles import percentiles
from showback.domain.replay import Replay, used_share_of_extra
from showback.domain.throttling_causes import explained, main_cause
from showback.models import SharedDeployment
from showback.querysets import in_force_at
from showback.selectors.burst_use import use_of_burst, whole_minutes
from showback.selectors.evidence_costs import LATELY, evidence_costs
from showback.selectors.gateway_sharing import gateway_sharing
from showback.selectors.list_prices import list_prices
from showback.selectors.minutes import tokens_per_minute
from showback.selectors.service_minutes import service_minutes
from showback.selectors.throttled_minutes import (
    ThrottledMinutes,
    history_window,
    throttled_minutes,
)
from showback.selectors.throttling import as_the_service_met_it

Ints = NDArray[np.int64]
Burst = tuple[int, Window, int]  # number of the request, window, units


class UsageHistory:
    """Answers from what was ingested; what was not is None."""

    def shared_deployments(self, *, at: datetime) -> "QuerySet[SharedDeployment, int]":
        """Not read here: it is part of the query of whoever asks."""
        shared = SharedDeployment.objects.filter(in_force_at(at)).order_by()
        return shared.values_list("deployment_id", flat=True)

    def burst_use(
        self,
        deployment: MeteredDeployment,
        *,
        window: Window,
        spans: tuple[tuple[Window, int], ...],
    ) -> BurstUse:
        return use_of_burst(deployment, whole_minutes(window), spans)

    def sharing(self, deployment_ids: Collection[int], *, at: datetime) -> Mapping[int, Sharing]:
        return gateway_sharing(deployment_ids, at=at)

    def list_prices(self, asked: Collection[Priced], *, at: datetime) -> Mapping[Priced, ListPrice]:
        return list_prices(asked, at=at)

    def history(self, *, at: datetime) -> Window:
        return history_window(at)

    def usage_evidence(
        self,
        deployment: MeteredDeployment,
        *,
        service_id: int,
        team_id: int,
        held: Sequence[HeldSpan],
        held_units: int,
        extra_units: int,
        past_bursts: tuple[Burst, ...],
        at: datetime,
    ) -> UsageEvidence:
        read = throttled_minutes(deployment, history_window(at), held)
        week = read.last(LATELY)
        replay = read.replay(week)
        costs = evidence_costs(deployment, service_id, team_id, at=at)
        return UsageEvidence(
            **_percentiles(tokens_per_minute(read.values), read.window),
            throttled_minutes_7_days=_minutes(read.minutes.refused[week]),
            throttled_requests_7_days=_requests(read.minutes.refused[week]),
            likely_cause_7_days=_likely_cause(read, week, deployment.id, service_id, held),
            usd_per_million_tokens=costs.usd_per_million,
            usd_per_unit_hour=costs.usd_per_unit_hour,
            month_to_date_usd=costs.month_to_date,
            team_month_to_date_usd=costs.team_month_to_date,
            replayed_throttled_minutes_now=_replayed(replay, held_units),
            replayed_throttled_minutes_with=_replayed(replay, held_units + extra_units),
            used_share_of_past_bursts={
                number: _used_share(read, deployment, past, units)
                for number, past, units in past_bursts
            },
            replay=None if replay is None else partial(_replayed, replay),
        )


def _completeness(tokens: Ints, window: Window) -> float | None:
    """Since the first minute that came; those still on their way are not counted as missing."""
    known = tokens != MISSING
    until = window.end - (ARRIVES_WITHIN - SETTLES_AFTER)
    due = due_minutes(known, window, since=window.end, until=until)
    return float((due & known).sum() / due.sum()) if due.any() else None


def _percentiles(tokens: Ints, window: Window) -> dict[str, Any]:
    known = tokens[tokens != MISSING]
    p50, p95, p99, peak = percentiles(known, (0.5, 0.95, 0.99, 1.0)) or [None] * 4
    return {
        "days_of_minutes": round(len(known) / 1440, 2),
        "completeness": _completeness(tokens, window) if known.size else None,
        "p50_tokens_per_minute": p50,
        "p95_tokens_per_minute": p95,
        "p99_tokens_per_minute": p99,
        "peak_tokens_per_minute": peak,
    }


def _minutes(refused: Ints) -> int | None:
    known = refused[refused != MISSING]
    return int((known > 0).sum()) if known.size else None


def _requests(refused: Ints) -> int | None:
    known = refused[refused != MISSING]
    return int(known.sum()) if known.size else None


def _replayed(replay: Replay | None, units: int) -> int | None:
    if replay is None:
        return None
    return int(replay.throttled_minutes(np.array([units], dtype=np.int64))[0])


def _likely_cause(
    read: ThrottledMinutes,
    week: slice,
    deployment_id: int,
    service_id: int,
    held: Sequence[HeldSpan],
) -> str:
    """Of most refusals of the week, in words; "" where there were none."""
    own = service_minutes(deployment_id, read.window)
    if own is None and not (read.minutes.refused > 0).any():
        return ""  # neither Azure refused anything, nor a gateway
    met = as_the_service_met_it(read, own, deployment_id, service_id, held)
    found = [
        (incident, verdict)
        for incident, verdict in explained(met.minutes, unique=read.share.likely)
        if incident.end > week.start
    ]
    return main_cause(found)


def _used_share(
    read: ThrottledMinutes, deployment: MeteredDeployment, window: Window, units: int
) -> float | None:
    """The largest share of a past burst's units that a minute of it used.

    Of a burst in the last four weeks the minutes have been read already.
    """
    per_unit = read.rate.tokens_per_minute
    if per_unit is None:
        return None
    whole = Window(floor_to_minute(window.start), floor_to_minute(window.end) + MINUTE)
    if whole.start < read.window.start or whole.end > read.window.end:
        spans = held_spans(whole, deployment_ids=[deployment.id])
        read = throttled_minutes(deployment, whole, spans)
    begins = int((whole.start - read.window.start) / MINUTE)
    places = slice(begins, begins + int(whole.length / MINUTE))
    inside = held_at_steps([(window, 1)], whole, MINUTE) > 0
    before = read.held[places] - held_at_steps([(window, units)], whole, MINUTE)
    return used_share_of_extra(
        read.minutes.load[places][inside], before[inside] * per_unit, units * per_unit
    )
