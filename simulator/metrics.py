"""The Monitor plane: ``POST /metrics/{region}/subscriptions/{id}/metrics:getBatch``.

The real endpoints are regional hosts; here the region is the first part of the path.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from simulator.buckets import Buckets
from simulator.clock import iso_of_minute
from simulator.metrics_catalogue import Metric
from simulator.metrics_query import MetricsQuery, read_query
from simulator.metrics_series import Series, buckets_of, series_of
from simulator.state import State
from simulator.web import Call, Plane, Route, json_response
from simulator.world import Account, Deployment

_AUDIENCES = ("https://metrics.monitor.azure.com", "https://metrics.monitor.azure.com/")


async def _get_batch(call: Call) -> Response:
    query = read_query(call)
    # Sums over many deployments take a while; capacity writes must not wait for them.
    return await run_in_threadpool(_answer, call.state, query)


def _answer(state: State, query: MetricsQuery) -> Response:
    window = query.window
    stamps = [iso_of_minute(m) for m in range(window.first, window.end, window.grain)]
    values = [_resource_json(state, query, account, stamps) for account in query.accounts]
    return json_response({"values": values})


def _resource_json(
    state: State, query: MetricsQuery, account: Account, stamps: list[str]
) -> dict[str, Any]:
    parts: list[tuple[Deployment, Buckets]] = []
    if stamps:
        wanted = query.split.get("modeldeploymentname")
        parts = [
            (each, buckets_of(state, each, query.window))
            for each in state.deployments_ever(account)
            if wanted is None or each.name.lower() in wanted
        ]
    window = query.window
    return {
        "starttime": query.start_text or iso_of_minute(window.first),
        "endtime": query.end_text or iso_of_minute(window.end),
        "interval": query.interval,
        "namespace": "microsoft.cognitiveservices/accounts",
        "resourceregion": account.region,
        "resourceid": account.id,
        "value": [
            _metric_json(state, query, metric, account, parts, stamps) for metric in query.metrics
        ],
    }


def _metric_json(
    state: State,
    query: MetricsQuery,
    metric: Metric,
    account: Account,
    parts: list[tuple[Deployment, Buckets]],
    stamps: list[str],
) -> dict[str, Any]:
    error = state.knobs.metric_errors.get(metric.name)
    series = [] if error else series_of(query, metric, parts)
    return {
        "id": f"{account.id}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.label},
        "displayDescription": metric.label,
        "unit": metric.unit,
        "timeseries": [_series_json(each, stamps) for each in series],
        **(error or {"errorCode": "Success"}),
    }


def _series_json(series: Series, stamps: list[str]) -> dict[str, Any]:
    return {
        "metadatavalues": [
            {"name": {"value": name, "localizedValue": name}, "value": value}
            for name, value in series.dimensions
        ],
        "data": _points(series, stamps),
    }


def _points(series: Series, stamps: list[str]) -> list[dict[str, Any]]:
    """A point without data carries its time stamp only."""
    points: list[dict[str, Any]] = [{"timeStamp": stamp} for stamp in stamps]
    for name, values in series.values.items():
        known = np.flatnonzero(~np.isnan(values))
        for index, value in zip(known.tolist(), values[known].tolist(), strict=True):
            points[index][name] = value
    return points


METRICS_PLANE = Plane(
    "metrics",
    (Route("POST", "/metrics/{region}/subscriptions/{subscription}/metrics:getBatch", _get_batch),),
    audiences=_AUDIENCES,
    needs_api_version=True,
)
