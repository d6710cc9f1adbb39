"""An answer of `metrics:getBatch` that is in memory, through the SDK's own client and objects.

Only for `manage.py bench ingest`, which compares our path with it: the portal itself reads the
bytes (`portal.cloud.metrics`).
"""

import io
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import requests
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.monitor.querymetrics import MetricsClient
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from portal.cloud.metrics import NAMESPACE
from portal.cloud.metrics_names import MEASURE_OF_METRIC, QUERIES, REQUESTS, request_measure
from portal.kernel.windows import Window
from showback.gateway import MEASURES, MISSING, MetricsAnswer, Series


class _InMemory(BaseAdapter):
    """Below the SDK's transport: all above it is the code that runs against Azure."""

    def __init__(self, bodies: Sequence[bytes]) -> None:
        super().__init__()
        self.bodies = list(bodies)

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        body, answer = self.bodies.pop(0), requests.Response()
        answer.status_code, answer.request, answer.url = 200, request, request.url or ""
        answer.headers["Content-Type"] = "application/json"
        answer.raw = HTTPResponse(io.BytesIO(body), preload_content=False, status=200)
        return answer

    def close(self) -> None:
        """Nothing is open."""


class _Token:
    def get_token(self, *_: str, **__: Any) -> AccessToken:
        return AccessToken("none", int(time.time()) + 3600)


def answer_by_objects(
    bodies: Sequence[bytes], accounts: Sequence[str], window: Window, grain: timedelta
) -> MetricsAnswer:
    """What `AzureMetrics.pull` answers, of one body for each of QUERIES, point by point."""
    session = requests.Session()
    session.mount("https://", _InMemory(bodies))
    transport = RequestsTransport(session=session, session_owner=False)
    arrays: dict[tuple[str, str], dict[str, Any]] = {}
    with MetricsClient("https://metrics.invalid", _Token(), transport=transport) as client:
        for query in QUERIES:
            results = client.query_resources(
                resource_ids=list(accounts),
                metric_namespace=NAMESPACE,
                metric_names=list(query.metrics),
                timespan=(window.start, window.end),
                granularity=grain,
                aggregations=[query.aggregation],
            )
            for account, result in zip(accounts, results, strict=True):
                for metric in result.metrics:
                    _take(arrays, account.lower(), metric, window, grain)
    return MetricsAnswer(window, grain, {k: Series.of(v) for k, v in arrays.items()}, {})


def _take(arrays: Any, account: str, metric: Any, window: Window, grain: timedelta) -> None:
    name = metric.name.lower()
    for series in metric.timeseries:
        labels = {label.lower(): value for label, value in series.metadata_values.items()}
        measure = request_measure(labels) if name == REQUESTS else MEASURE_OF_METRIC[name]
        rows = arrays.setdefault(
            (account, labels["modeldeploymentname"].lower()),
            {m: np.full(window.length // grain, MISSING, dtype=np.int64) for m in MEASURES},
        )
        for point in series.data:
            value = point.average if point.average is not None else point.total
            if value is not None:
                slot = (point.timestamp - window.start) // grain
                rows[measure][slot] = max(rows[measure][slot], 0) + round(value)
