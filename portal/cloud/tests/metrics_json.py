"""Builds answers of `metrics:getBatch`, shaped as in Azure's own example."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from portal.kernel.windows import Window, steps


def stamps(window: Window, grain: timedelta) -> list[str]:
    return [f"{at:%Y-%m-%dT%H:%M:%SZ}" for at in steps(window, grain)]


def series(
    labels: Mapping[str, str], times: Sequence[str], values: Sequence[float | None], field: str
) -> dict[str, Any]:
    """One time series; a value of None is a point with its time stamp only."""
    points = [
        {"timeStamp": at} if value is None else {"timeStamp": at, field: value}
        for at, value in zip(times, values, strict=True)
    ]
    names = [
        {"name": {"value": name, "localizedValue": name}, "value": value}
        for name, value in labels.items()
    ]
    return {"metadatavalues": names, "data": points}


def metric(account: str, name: str, *timeseries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": f"{account}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "unit": "Count",
        "timeseries": list(timeseries),
        "errorCode": "Success",
        **more,
    }


def resource(account: str, *metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "namespace": "microsoft.cognitiveservices/accounts",
        "resourceregion": "eastus2",
        "resourceid": account,
        "value": list(metrics),
    }
