"""Turns the JSON of `metrics:getBatch` into arrays, quickly and without guessing.

A slot that Azure sent no value for stays MISSING: a gap is not a nought. Requests come as one
series per status; where any of them has a value in a slot, the slot was measured, so the statuses
that are silent there are nought.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import HOUR, MINUTE, Window, floor_to
from showback.gateway import MEASURES, MISSING, MetricsAnswer, Series

REQUESTS = "azureopenairequests"
REQUEST_MEASURES = ("ok", "throttled", "other", "spilled")
MEASURE_OF_METRIC = {
    "processedprompttokens": "prompt",
    "generatedtokens": "generated",
    "azureopenaicontexttokenscachematchrate": "cache_percent",
    "azureopenaiprovisionedmanagedutilizationv2": "utilisation_percent",
}
DEPLOYMENT, STATUS, SPILLOVER = "modeldeploymentname", "statuscode", "isspillover"
# "2026-01-01T00:00": all that names a slot of a minute or an hour, whatever follows.
TIMESTAMP_CHARACTERS = 16

Arrays = dict[str, NDArray[np.int64]]


@dataclass(frozen=True)
class Asked:
    """What one call asked for: metrics and accounts in lower case, and the stamps of its slots."""

    metrics: tuple[str, ...]
    accounts: tuple[str, ...]
    first: int  # slot of the window
    stamps: list[str]

    @property
    def measures(self) -> frozenset[str]:
        return frozenset(measure for metric in self.metrics for measure in measures_of(metric))


def measures_of(metric: str) -> tuple[str, ...]:
    """The measures made of a metric (named in lower case)."""
    return REQUEST_MEASURES if metric == REQUESTS else (MEASURE_OF_METRIC[metric],)


class UsageTally:
    """Collects the answers of one pull. Raises ValueError when the window is not of whole slots."""

    def __init__(self, window: Window, grain: timedelta) -> None:
        if grain not in (MINUTE, HOUR):
            raise ValueError(f"metrics come by the minute or the hour, not by {grain}")
        if floor_to(window.start, grain) != window.start or window.length % grain:
            raise ValueError(f"{window} is not made of whole slots of {grain}")
        self.window, self.grain = window, grain
        self.slots = window.length // grain
        self._arrays: dict[tuple[str, str], Arrays] = {}
        self._failed: dict[str, set[str]] = {}
        self._problems: list[str] = []

    def times(self, first: int, last: int) -> tuple[datetime, datetime]:
        """The half-open times of the slots `[first, last)`."""
        return self.window.start + first * self.grain, self.window.start + last * self.grain

    def asked(
        self, metrics: Sequence[str], accounts: Iterable[str], first: int, last: int
    ) -> Asked:
        starts = (self.window.start + slot * self.grain for slot in range(first, last))
        return Asked(
            metrics=tuple(metric.lower() for metric in metrics),
            accounts=tuple(account.lower() for account in accounts),
            first=first,
            stamps=[f"{start:%Y-%m-%dT%H:%M}" for start in starts],
        )

    def fail(self, asked: Asked, problem: str = "") -> None:
        """Nothing of this call is known."""
        for account in asked.accounts:
            self._failed.setdefault(account, set()).update(asked.measures)
        self._note(problem)

    def add(self, asked: Asked, body: Mapping[str, Any], field: str, most_series: int) -> None:
        """Takes in one answer; `field` is the aggregation's key in each point."""
        silent = {(account, metric) for account in asked.accounts for metric in asked.metrics}
        for resource in body["values"]:
            account = _account_of(resource)
            for metric in resource["value"]:
                name = metric["name"]["value"].lower()
                if (account, name) not in silent:
                    continue  # not asked for, or named twice
                if self._refused(account, name, metric, most_series):
                    silent.discard((account, name))
                    continue
                for series in metric["timeseries"]:
                    self._add_series(account, name, series, asked, field)
                silent.discard((account, name))
        for account, metric in sorted(silent):
            self._fail_metric(account, metric, "it is not in Azure's answer")

    def answer(self) -> MetricsAnswer:
        return MetricsAnswer(
            window=self.window,
            grain=self.grain,
            series={key: Series(_settled(arrays)) for key, arrays in self._arrays.items()},
            failed_measures={key: frozenset(measures) for key, measures in self._failed.items()},
            problems=tuple(self._problems),
        )

    def _refused(
        self, account: str, name: str, metric: Mapping[str, Any], most_series: int
    ) -> bool:
        """Whether the answer for this metric is an error, or may have been cut off."""
        code = metric.get("errorCode") or "Success"
        if code != "Success":
            self._fail_metric(account, name, f"{code} {metric.get('errorMessage') or ''}".strip())
            return True
        if len(metric["timeseries"]) >= most_series:
            self._fail_metric(account, name, f"there are {most_series} series or more")
            return True
        return False

    def _fail_metric(self, account: str, metric: str, why: str) -> None:
        self._failed.setdefault(account, set()).update(measures_of(metric))
        name = account.rpartition("/")[2]
        self._note(f"Azure gave no {metric} of account {name}: {why}. It is pulled again later.")

    def _note(self, problem: str) -> None:
        if problem and problem not in self._problems:
            self._problems.append(problem)

    def _add_series(
        self, account: str, metric: str, series: Mapping[str, Any], asked: Asked, field: str
    ) -> None:
        labels = {m["name"]["value"].lower(): m["value"] for m in series["metadatavalues"]}
        deployment = str(labels.get(DEPLOYMENT) or "").lower()
        if not deployment:
            return  # refused before Azure knew for which deployment
        slots, values = _points(series["data"], field, asked.stamps)
        if not len(values):
            return
        slots = slots + asked.first
        arrays = self._arrays_of(account, deployment)
        if metric == REQUESTS:
            measure = _request_measure(labels)
            # Counts of several series (statuses) meet in one measure.
            arrays[measure][slots] = np.maximum(arrays[measure][slots], 0) + values
        else:
            arrays[MEASURE_OF_METRIC[metric]][slots] = values

    def _arrays_of(self, account: str, deployment: str) -> Arrays:
        key = (account, deployment)
        if key not in self._arrays:
            self._arrays[key] = {
                measure: np.full(self.slots, MISSING, dtype=np.int64) for measure in MEASURES
            }
        return self._arrays[key]


def _account_of(resource: Mapping[str, Any]) -> str:
    """The account's id in lower case; from the metric's id where the answer leaves it out."""
    resource_id = resource.get("resourceid")
    if not resource_id and resource["value"]:
        resource_id = resource["value"][0]["id"].split("/providers/Microsoft.Insights")[0]
    return str(resource_id or "").lower()


def _request_measure(labels: Mapping[str, Any]) -> str:
    status = str(labels.get(STATUS) or "")
    if status == "429":
        return "throttled"
    if not status.startswith("2"):
        return "other"
    return "spilled" if str(labels.get(SPILLOVER) or "").lower() == "true" else "ok"


def _points(
    data: Sequence[Mapping[str, Any]], field: str, stamps: list[str]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Slots (counted from the first stamp) and whole values of the points that have one.

    The common case, one point with a value for every slot in order, is taken in one piece.
    Points outside the slots asked for are left out.
    """
    found = [point["timeStamp"][:TIMESTAMP_CHARACTERS] for point in data]
    values = [point.get(field) for point in data]
    slots = np.arange(len(stamps))
    if found != stamps:
        slot_of = {stamp: slot for slot, stamp in enumerate(stamps)}
        inside = [(slot_of[s], v) for s, v in zip(found, values, strict=True) if s in slot_of]
        slots = np.array([slot for slot, _ in inside], dtype=np.int64)
        values = [value for _, value in inside]
    measured = np.array(values, dtype=np.float64)  # None becomes nan
    has_value = ~np.isnan(measured)
    if not has_value.all():
        slots, measured = slots[has_value], measured[has_value]
    return slots, np.rint(measured).astype(np.int64)


def _settled(arrays: Arrays) -> Arrays:
    """Where one status was measured, the silent ones are nought; elsewhere all stay MISSING."""
    measured = np.any([arrays[measure] != MISSING for measure in REQUEST_MEASURES], axis=0)
    for measure in REQUEST_MEASURES:
        arrays[measure][measured & (arrays[measure] == MISSING)] = 0
    return arrays
