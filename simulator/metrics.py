"""The Monitor plane: ``POST /metrics/{region}/subscriptions/{id}/metrics:getBatch``.

The real endpoints are regional hosts; here the region is the first part of the path.
"""

from __future__ import annotations

from typing import Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from simulator.clock import iso_of_minute
from simulator.metrics_bytes import Points
from simulator.metrics_catalogue import Metric
from simulator.metrics_query import MetricsQuery, read_query
from simulator.metrics_series import Series, series_of
from simulator.state import State
from simulator.web import Call, Plane, Route
from simulator.world import Account

_AUDIENCES = ("https://metrics.monitor.azure.com", "https://metrics.monitor.azure.com/")


async def _get_batch(call: Call) -> Response:
    query = read_query(call)
    # Sums over many deployments take a while; capacity writes must not wait for them.
    body = await run_in_threadpool(answer_bytes, call.state, query)
    return Response(body, media_type="application/json; charset=utf-8")


def answer_bytes(state: State, query: MetricsQuery) -> bytes:
    """The whole answer as JSON."""
    window = query.window
    points = Points(range(window.first, window.end, window.grain))
    values = [_resource_json(state, query, account, points) for account in query.accounts]
    return orjson.dumps({"values": values})


def _resource_json(
    state: State, query: MetricsQuery, account: Account, points: Points
) -> dict[str, Any]:
    window = query.window
    series = series_of(state, query, account)
    return {
        "starttime": query.start_text or iso_of_minute(window.first),
        "endtime": query.end_text or iso_of_minute(window.end),
        "interval": query.interval,
        "namespace": "microsoft.cognitiveservices/accounts",
        "resourceregion": account.region,
        "resourceid": account.id,
        "value": [
            _metric_json(state, metric, account, series[metric], points) for metric in query.metrics
        ],
    }


def _metric_json(
    state: State, metric: Metric, account: Account, series: list[Series], points: Points
) -> dict[str, Any]:
    error = state.knobs.metric_errors.get(metric.name)
    return {
        "id": f"{account.id}/providers/Microsoft.Insights/metrics/{metric.name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": metric.name, "localizedValue": metric.label},
        "displayDescription": metric.label,
        "unit": metric.unit,
        "timeseries": [] if error else [_series_json(each, points) for each in series],
        **(error or {"errorCode": "Success"}),
    }


def _series_json(series: Series, points: Points) -> dict[str, Any]:
    return {
        "metadatavalues": [
            {"name": {"value": name, "localizedValue": name}, "value": value}
            for name, value in series.dimensions
        ],
        "data": orjson.Fragment(points.write(series.values)),
    }


METRICS_PLANE = Plane(
    "metrics",
    (Route("POST", "/metrics/{region}/subscriptions/{subscription}/metrics:getBatch", _get_batch),),
    audiences=_AUDIENCES,
    needs_api_version=True,
)
