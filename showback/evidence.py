"""`quotas.gateway.EvidenceSource`: what is known of the use that a request is about."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

import numpy as np
from django.db.models import QuerySet
from numpy.typing import NDArray

from portal.kernel.units import UnitRate
from portal.kernel.windows import MINUTE, Window, floor_to_minute
from quotas.gateway import BurstUse, ListPrice, Priced, UsageEvidence
from quotas.selectors.metering import MeteredDeployment, held_spans, metered_deployments
from showback.domain.bands import held_at_steps
from showback.domain.lost_demand import UniqueShare
from showback.domain.measures import MISSING
from showback.domain.minutes import ARRIVES_WITHIN, SETTLES_AFTER, due_minutes
from showback.domain.percentiles import percentiles
from showback.domain.replay import Replay, used_share_of_extra
from showback.domain.throttling import Minutes
from showback.domain.throttling_causes import explained, main_cause
from showback.models import SharedDeployment
from showback.querysets import in_force_at
from showback.selectors.burst_use import use_of_burst, whole_minutes
from showback.selectors.deployment_use import ptu_model_of
from showback.selectors.evidence_costs import LATELY, evidence_costs
from showback.selectors.list_prices import list_prices
from showback.selectors.minutes import tokens_per_minute
from showback.selectors.throttled_minutes import (
    ThrottledMinutes,
    history_window,
    throttled_minutes,
)
from showback.selectors.throttling import as_the_service_met_it

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

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
        *,
        deployment_id: int,
        window: Window,
        spans: tuple[tuple[Window, int], ...],
        tokens_per_minute_per_unit: int | None,
    ) -> BurstUse:
        deployment = _deployment(deployment_id)
        rate = _rate(deployment, tokens_per_minute_per_unit)
        return use_of_burst(deployment, whole_minutes(window), spans, rate=rate)

    def list_prices(self, asked: Collection[Priced], *, at: datetime) -> Mapping[Priced, ListPrice]:
        return list_prices(asked, at=at)

    def usage_evidence(
        self,
        *,
        deployment_id: int,
        service_id: int,
        held_units: int,
        extra_units: int,
        tokens_per_minute_per_unit: int | None,
        past_bursts: tuple[Burst, ...],
        at: datetime,
    ) -> UsageEvidence:
        deployment = _deployment(deployment_id)
        window = history_window(at)
        spans = held_spans(window, deployment_ids=[deployment_id])
        read = throttled_minutes(
            deployment, window, spans, rate=_rate(deployment, tokens_per_minute_per_unit)
        )
        met = as_the_service_met_it(read, deployment_id, service_id, spans)
        week = read.last(LATELY)
        replay = read.replay(week)
        costs = evidence_costs(deployment, service_id, at=at)
        return UsageEvidence(
            **_percentiles(tokens_per_minute(read.values), read.window),
            throttled_minutes_7_days=_minutes(read.minutes.refused[week]),
            throttled_requests_7_days=_requests(read.minutes.refused[week]),
            likely_cause_7_days=_likely_cause(met.minutes, read.share, week),
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


def _rate(deployment: MeteredDeployment, tokens_per_unit: int | None) -> UnitRate:
    """What a unit serves: weighted tokens where it is provisioned and the weights are known."""
    model = ptu_model_of(deployment)
    if model is not None:
        return UnitRate(model.input_tokens_per_minute_per_unit, None)
    requests = None if deployment.is_provisioned else deployment.requests_per_minute_per_unit
    return UnitRate(tokens_per_unit, requests)


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
        "completeness": _completeness(tokens, window),
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


def _likely_cause(minutes: Minutes, share: UniqueShare, week: slice) -> str:
    """Of most refusals of the week, in words; "" where there were none."""
    found = [
        (incident, verdict)
        for incident, verdict in explained(minutes, unique=share.likely)
        if incident.end > week.start
    ]
    return main_cause(found)


def _deployment(deployment_id: int) -> MeteredDeployment:
    """Also of one that went away meanwhile. Raises StopIteration for one that never was."""
    found = metered_deployments(including_gone_since=LONG_AGO, ids=[deployment_id])
    return next(iter(found))


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
        read = throttled_minutes(deployment, whole, spans, rate=read.rate)
    begins = int((whole.start - read.window.start) / MINUTE)
    places = slice(begins, begins + int(whole.length / MINUTE))
    inside = held_at_steps([(window, 1)], whole, MINUTE) > 0
    before = read.held[places] - held_at_steps([(window, units)], whole, MINUTE)
    return used_share_of_extra(
        read.minutes.load[places][inside], before[inside] * per_unit, units * per_unit
    )
