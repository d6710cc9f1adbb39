"""Answers of `metrics:getBatch` as bytes, shaped as Azure's own, of an organisation of any size."""

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np
import orjson

from portal.cloud.metrics_names import QUERIES, Query

ACCOUNTS, DEPLOYMENTS = 50, 20
# Written once for this hour, which is then exchanged: making the text takes longer than reading it.
HOUR = datetime(2001, 1, 1, tzinfo=UTC)
PERCENTAGES = "Average"


class Bodies:
    """One body for each of QUERIES; every deployment has a value for every minute."""

    def __init__(self, accounts: int = ACCOUNTS) -> None:
        self.accounts = [
            "/subscriptions/bench/resourceGroups/bench/providers"
            f"/Microsoft.CognitiveServices/accounts/bench-{n}"
            for n in range(accounts)
        ]
        draw = np.random.default_rng(1)
        self._written = [self._body(query, draw) for query in QUERIES]

    def of(self, hour: datetime) -> list[bytes]:
        old, new = (f"{at:%Y-%m-%dT%H:}".encode() for at in (HOUR, hour))
        return [body.replace(old, new) for body in self._written]

    def names(self) -> Iterator[tuple[str, str]]:
        """(account, deployment)"""
        for account in self.accounts:
            for n in range(DEPLOYMENTS):
                yield account, f"chat-{n}"

    def _body(self, query: Query, draw: np.random.Generator) -> bytes:
        resources = [
            {
                "starttime": "2001-01-01T00:00:00Z",
                "endtime": "2001-01-01T01:00:00Z",
                "interval": "PT1M",
                "namespace": "microsoft.cognitiveservices/accounts",
                "resourceregion": "bench",
                "resourceid": account,
                "value": [self._metric(account, name, query, draw) for name in query.metrics],
            }
            for account in self.accounts
        ]
        return orjson.dumps({"values": resources})

    def _metric(
        self, account: str, name: str, query: Query, draw: np.random.Generator
    ) -> dict[str, object]:
        return {
            "id": f"{account}/providers/Microsoft.Insights/metrics/{name}",
            "type": "Microsoft.Insights/metrics",
            "name": {"value": name, "localizedValue": name},
            "displayDescription": name,
            "unit": "Count",
            "timeseries": [self._series(n, query, draw) for n in range(DEPLOYMENTS)],
            "errorCode": "Success",
        }

    def _series(self, n: int, query: Query, draw: np.random.Generator) -> dict[str, object]:
        labels = {"modeldeploymentname": f"chat-{n}", "statuscode": "200", "isspillover": "False"}
        most = 100 if query.aggregation == PERCENTAGES else 50_000
        field = query.aggregation.lower()
        return {
            "metadatavalues": [
                {"name": {"value": name, "localizedValue": name}, "value": labels[name]}
                for name in map(str.lower, query.split_by)
            ],
            "data": [
                {"timeStamp": f"{HOUR:%Y-%m-%dT%H:}{minute:02}:00Z", field: float(value)}
                for minute, value in enumerate(draw.integers(0, most, 60).tolist())
            ],
        }
