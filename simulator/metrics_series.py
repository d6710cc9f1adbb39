"""From served traffic to time series: what is visible, summed to buckets, split by dimensions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simulator.buckets import ROW, Buckets, average, buckets_of_minutes, joined
from simulator.clock import MINUTES_PER_DAY, MINUTES_PER_HOUR, SECONDS_PER_MINUTE
from simulator.hashing import Floats
from simulator.metrics_catalogue import Cell, Metric
from simulator.metrics_query import MetricsQuery, Window
from simulator.state import State
from simulator.world import Deployment

_EXTREME_ROW = {"cache_weighted": 0, "utilisation": 1}


@dataclass(frozen=True)
class Series:
    """``dimensions`` are the split values; ``values`` maps an aggregation to points, NaN = none."""

    dimensions: tuple[tuple[str, str], ...]
    values: dict[str, Floats]


def visible_minutes(state: State) -> tuple[int, int]:
    """Epoch minutes ``[first, end)`` that Monitor shows now: not too old, not too fresh."""
    now = state.clock.now().timestamp()
    latency_seconds = state.knobs.metrics_latency_minutes * SECONDS_PER_MINUTE
    retention_seconds = state.knobs.metrics_retention_days * MINUTES_PER_DAY * SECONDS_PER_MINUTE
    end = int((now - latency_seconds) // SECONDS_PER_MINUTE)
    return int((now - retention_seconds) // SECONDS_PER_MINUTE), end


def buckets_of(state: State, deployment: Deployment, window: Window) -> Buckets:
    """The window's buckets; minutes that are not visible count as having no data."""
    first, end = visible_minutes(state)
    parts = []
    for day in range(window.first // MINUTES_PER_DAY, -(-window.end // MINUTES_PER_DAY)):
        start, stop = day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY
        whole = window.first <= start and stop <= window.end
        final = first <= start and stop <= end
        if whole and final and window.grain % MINUTES_PER_HOUR == 0:
            hours = state.served.hours(deployment, day)
            parts.append(hours.merged(window.grain // MINUTES_PER_HOUR))
        else:
            rows = _masked_rows(state, deployment, day, (first, end))
            inside = slice(max(window.first - start, 0), min(window.end, stop) - start)
            parts.append(buckets_of_minutes(rows[:, inside], window.grain))
    return joined(parts)


def _masked_rows(
    state: State, deployment: Deployment, day: int, visible: tuple[int, int]
) -> Floats:
    rows = state.served.day(deployment, day)
    start = day * MINUTES_PER_DAY
    low = min(max(visible[0] - start, 0), MINUTES_PER_DAY)
    high = min(max(visible[1] - start, 0), MINUTES_PER_DAY)
    if (low, high) == (0, MINUTES_PER_DAY):
        return rows
    shown = np.zeros_like(rows)
    shown[:, low:high] = rows[:, low:high]
    return shown


def series_of(
    query: MetricsQuery, metric: Metric, parts: list[tuple[Deployment, Buckets]]
) -> list[Series]:
    """The series of one metric of one resource, cut to ``top``. Those without data are left out."""
    if metric.average_of:
        series = _average_series(query, metric, metric.average_of, parts)
    else:
        series = _total_series(query, metric, parts)
    shown = [each for each in series if any(not np.isnan(v).all() for v in each.values.values())]
    if query.order_by_total:
        shown.sort(key=_weight, reverse=query.order_by_total == "desc")
    return shown if query.top is None else shown[: query.top]


def _weight(series: Series) -> float:
    return float(np.nansum(next(iter(series.values.values()))))


def _group(
    query: MetricsQuery, deployment: Deployment, cell: Cell | None
) -> tuple[tuple[str, str], ...] | None:
    """The split values of a deployment's cell; None when the filter leaves it out."""
    values = {
        "modeldeploymentname": deployment.name,
        "modelname": deployment.model.name,
        "modelversion": deployment.model.version,
        "region": deployment.region,
    }
    if cell is not None:
        values |= {"statuscode": cell.status_code, "isspillover": cell.is_spillover}
    for name, wanted in query.split.items():
        if wanted is not None and values[name].lower() not in wanted:
            return None
    return tuple((name, values[name]) for name in query.split)


def _total_series(
    query: MetricsQuery, metric: Metric, parts: list[tuple[Deployment, Buckets]]
) -> Iterator[Series]:
    totals: dict[tuple[tuple[str, str], ...], Floats] = {}
    for deployment, buckets in parts:
        for cell in metric.cells:
            group = _group(query, deployment, cell)
            if group is not None:
                total = _cell_total(buckets, cell)
                totals[group] = totals[group] + total if group in totals else total
    for group, total in totals.items():
        # A count of nothing is not emitted: such a point carries its time stamp only.
        yield Series(group, {"total": np.where(total != 0, total, np.nan)})


def _cell_total(buckets: Buckets, cell: Cell) -> Floats:
    total: Floats = buckets.sums[[ROW[name] for name in cell.plus]].sum(axis=0)
    if cell.minus:
        total = total - buckets.sums[[ROW[name] for name in cell.minus]].sum(axis=0)
    return total


def _average_series(
    query: MetricsQuery, metric: Metric, row: str, parts: list[tuple[Deployment, Buckets]]
) -> Iterator[Series]:
    grouped: dict[tuple[tuple[str, str], ...], Buckets] = {}
    for deployment, buckets in parts:
        group = _group(query, deployment, None)
        if group is not None:
            grouped[group] = grouped[group].plus(buckets) if group in grouped else buckets
    wanted = query.aggregations & {"average", "minimum", "maximum"} or {metric.default_aggregation}
    for group, buckets in grouped.items():
        extreme = _EXTREME_ROW[row]
        answers = {
            "average": average(buckets.sums, row),
            "minimum": _finite(buckets.lows[extreme]),
            "maximum": _finite(buckets.highs[extreme]),
        }
        yield Series(group, {name: answers[name] for name in answers if name in wanted})


def _finite(values: Floats) -> Floats:
    return np.where(np.isfinite(values), values, np.nan)
