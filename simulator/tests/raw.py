"""``metrics:getBatch`` without the SDK's objects."""

from __future__ import annotations

from typing import Any

from simulator.tests.process import SimulatorProcess
from simulator.tests.sdk import NAMESPACE, account_id
from simulator.tests.worlds import SUBSCRIPTION


def raw_batch(simulator: SimulatorProcess, names: str, **query: str) -> dict[str, Any]:
    """The JSON on the wire, without the SDK's objects."""
    token = simulator.token("https://metrics.monitor.azure.com")
    with simulator.http() as http:
        answer = http.post(
            f"/metrics/eastus2/subscriptions/{SUBSCRIPTION}/metrics:getBatch",
            params={
                "api-version": "2024-02-01",
                "metricnamespace": NAMESPACE,
                "metricnames": names,
                **query,
            },
            headers={"Authorization": f"Bearer {token}"},
            json={"resourceids": [account_id("one")]},
        )
    assert answer.status_code == 200, answer.text
    parsed: dict[str, Any] = answer.json()
    return parsed
