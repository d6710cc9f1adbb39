"""The bench counts what it makes."""

from __future__ import annotations

from simulator.bench import measure
from simulator.metrics_catalogue import METRICS, Source


def test_every_point_of_every_metric_with_data_is_counted():
    found = measure(20)
    with_data = sum(
        1440 * (2 if metric.provisioned_only or metric.source is Source.UTILISATION else 20)
        for metric in METRICS
        if metric.source is not Source.NOTHING
    )
    assert found["points"] == with_data
    assert found["points_per_s"] > 0
