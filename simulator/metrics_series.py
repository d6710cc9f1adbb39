"""From served traffic to time series: what is visible, summed to buckets, split by dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulator.clock import MINUTES_PER_DAY, SECONDS_PER_MINUTE
from simulator.hashing import Floats
from simulator.metrics_buckets import Accumulator
from simulator.metrics_catalogue import Metric
from simulator.metrics_parts import DayView, emits, parts_of
from simulator.metrics_query import MetricsQuery
from simulator.state import State
from simulator.world import Account, Deployment

Group = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Series:
    """``dimensions`` are the split values; ``values`` maps an aggregation to points, NaN = none."""

    dimensions: Group
    values: dict[str, Floats]


def shown_minutes(state: State, minutes: Floats) -> Floats:
    """The share of each epoch minute's counts that Monitor shows now, 0 to 1.

    Nothing of what is too old or too fresh. With the knob ``late_points`` a minute that has become
    visible still grows for that many minutes, as late records of it arrive.
    """
    now = state.clock.now().timestamp() / SECONDS_PER_MINUTE
    knobs = state.knobs
    # Since how many minutes it is visible; from 0 on it is.
    visible_for = now - knobs.metrics_latency_minutes - (minutes + 1)
    arrived = np.minimum((visible_for + 1) / (knobs.late_points + 1), 1.0)
    first = np.floor(now - knobs.metrics_retention_days * MINUTES_PER_DAY)
    shown: Floats = np.where((visible_for >= 0) & (minutes >= first), arrived, 0.0)
    return shown


def series_of(state: State, query: MetricsQuery, account: Account) -> dict[Metric, list[Series]]:
    """The series of each metric of one resource, cut to ``top``; those without data left out."""
    found: dict[Metric, dict[Group, Accumulator]] = {metric: {} for metric in query.metrics}
    wanted = query.split.get("modeldeploymentname")
    for deployment in state.deployments_ever(account):
        if wanted is None or deployment.name.lower() in wanted:
            metrics = [metric for metric in query.metrics if emits(metric, deployment)]
            for view, offset in _views(state, query, deployment):
                for metric in metrics:
                    _add(found[metric], metric, query, view, offset)
    return {metric: _listed(query, metric, groups) for metric, groups in found.items()}


def _views(
    state: State, query: MetricsQuery, deployment: Deployment
) -> Iterator[tuple[DayView, int]]:
    """(a day's stretch of the window, the bucket it begins with), without what nobody can see."""
    window = query.window
    for day in range(window.first // MINUTES_PER_DAY, -(-window.end // MINUTES_PER_DAY)):
        start = day * MINUTES_PER_DAY
        low, high = max(window.first, start), min(window.end, start + MINUTES_PER_DAY)
        minutes = np.arange(low, high, dtype=np.int64)
        shown = shown_minutes(state, minutes.astype(np.float64))
        if not shown.any():
            continue
        view = DayView(
            deployment=deployment,
            served=state.served.day(deployment, day),
            stretch=slice(low - start, high - start),
            shown=shown,
            minutes=minutes,
            seed=state.world.seed,
            counts_spilled_away=state.knobs.spilled_counts_as_429,
        )
        yield view, (low - window.first) // window.grain


def _add(
    groups: dict[Group, Accumulator], metric: Metric, query: MetricsQuery, view: DayView,
    offset: int,
) -> None:  # fmt: skip
    for part in parts_of(metric, view):
        group = _group(query, part.dimensions)
        if group is None:
            continue
        if group not in groups:
            groups[group] = Accumulator(
                query.window.buckets,
                has_samples=part.samples is not None,
                has_extremes=query.wants_extremes,
            )
        groups[group].add(part, offset, query.window.grain)


def _group(query: MetricsQuery, dimensions: dict[str, str]) -> Group | None:
    """The values a part is told apart by; None when the filter leaves it out."""
    for name, wanted in query.split.items():
        if wanted is not None and dimensions[name].lower() not in wanted:
            return None
    return tuple((name, dimensions[name]) for name in query.split if name not in query.rolled_up)


def _listed(query: MetricsQuery, metric: Metric, groups: dict[Group, Accumulator]) -> list[Series]:
    shown = [(group, each) for group, each in groups.items() if each.has_data]
    if query.order is not None:
        aggregation, descending = query.order
        shown.sort(key=lambda pair: pair[1].rank(aggregation), reverse=descending)
    names = query.aggregations or {metric.default_aggregation}
    return [
        Series(group, {name: each.values(name) for name in metric.aggregations if name in names})
        for group, each in shown[: query.top]
    ]
