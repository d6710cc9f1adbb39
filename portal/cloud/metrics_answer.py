"""Turns the JSON of `metrics:getBatch` into arrays, quickly and without guessing.

A slot that Azure sent no value for stays MISSING: a gap is not a nought. Requests come as one
series per status; where any of them has a value in a slot, the slot was measured, so the statuses
that are silent there are nought. Both families of metrics are kept apart until all has come.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import numpy as np

from portal.cloud.metrics_clock import sentence_of
from portal.cloud.metrics_names import (
    DEPLOYMENT,
    MEASURE_OF_METRIC,
    NEWER_MEASURE_OF_METRIC,
    NEWER_REQUESTS,
    PRIORITY,
    REQUESTS,
    family_of,
    is_priority,
    measures_of,
    measures_of_all,
    request_measure,
)
from portal.cloud.metrics_table import UsageTable, joined
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to
from showback.domain.measures import NEWER, OLDER
from showback.gateway import MEASURES, MetricsAnswer

# "2026-01-01T00:00": all that names a slot of a minute or an hour, whatever follows.
TIMESTAMP_CHARACTERS = 16

TIME = itemgetter("timeStamp")
Labels = dict[str, str]


@dataclass(frozen=True)
class Asked:
    """What one call asked for: metrics and accounts in lower case, and the stamps of its slots."""

    metrics: tuple[str, ...]
    accounts: tuple[str, ...]
    first: int  # slot of the window
    stamps: list[str]


class UsageTally:
    """Collects the answers of one pull. Raises ValueError when the window is not of whole slots."""

    def __init__(self, window: Window, grain: timedelta) -> None:
        if grain not in (MINUTE, HOUR):
            raise ValueError(f"metrics come by the minute or the hour, not by {grain}")
        if floor_to(window.start, grain) != window.start or window.length % grain:
            raise ValueError(f"{window} is not made of whole slots of {grain}")
        self.window, self.grain = window, grain
        self.slots = window.length // grain
        self._tables = {OLDER: UsageTable(self.slots), NEWER: UsageTable(self.slots)}
        self._failed: dict[int, dict[str, set[str]]] = {OLDER: {}, NEWER: {}}
        self._problems: list[str] = []
        self._newer_problems: dict[str, list[str]] = {}
        self.clock_behind = timedelta()

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
        """Nothing of this call is known. Of a metric of the newer family alone, only deployments
        that are counted there suffer.
        """
        lost = {family: measures_of_all(asked.metrics, family) for family in (OLDER, NEWER)}
        for account in asked.accounts:
            for family, measures in lost.items():
                self._failed[family].setdefault(account, set()).update(measures)
            self._note(problem, "" if lost[OLDER] else account)

    def lack(self, asked: Asked, measures: set[str]) -> None:
        """What this cloud does not tell of these accounts; others of its measures are asked for."""
        for account in asked.accounts:
            self._failed[OLDER].setdefault(account, set()).update(measures)

    def note_clock(self, behind: timedelta) -> None:
        """Azure's clock is so far behind ours, or ahead where that is negative."""
        self.clock_behind = max(self.clock_behind, behind)
        self._note(sentence_of(behind))

    def add(self, asked: Asked, body: Mapping[str, Any], field: str, most_series: int) -> None:
        """Takes in one answer; `field` is the aggregation's key in each point."""
        rows = {family: _Rows(table, asked, field) for family, table in self._tables.items()}
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
                for labels, data in _told_once(metric["timeseries"]):
                    _add_series(rows[family_of(name)], account, name, labels, data)
                silent.discard((account, name))
        for family in rows.values():
            family.flush()
        for account, metric in sorted(silent):
            self._fail_metric(account, metric, "it is not in Azure's answer")

    def answer(self) -> MetricsAnswer:
        series, families = joined(self._tables[OLDER], self._tables[NEWER])
        return MetricsAnswer(
            window=self.window,
            grain=self.grain,
            series=series,
            families=families,
            failed_measures=_frozen(self._failed[OLDER]),
            failed_newer=_frozen(self._failed[NEWER]),
            problems=tuple(self._problems),
            newer_problems={key: tuple(each) for key, each in self._newer_problems.items()},
            clock_behind=self.clock_behind,
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
        family = family_of(metric)
        self._failed[family].setdefault(account, set()).update(measures_of(metric))
        name = account.rpartition("/")[2]
        self._note(
            f"Azure gave no {metric} of account {name}: {why}. It is pulled again later.",
            account if family == NEWER else "",
        )

    def _note(self, problem: str, newer_of: str = "") -> None:
        """`newer_of` is the account of which only the newer family suffers."""
        known = self._newer_problems.setdefault(newer_of, []) if newer_of else self._problems
        if problem and problem not in known:
            known.append(problem)


def _frozen(failed: Mapping[str, set[str]]) -> dict[str, frozenset[str]]:
    return {key: frozenset(measures) for key, measures in failed.items() if measures}


class _Rows:
    """Series of one answer on their way into the table, which takes many in one piece.

    A batch has each (place, measure) once; the next series of the same, another status of the
    requests, goes to the batch after it.
    """

    def __init__(self, table: UsageTable, asked: Asked, field: str) -> None:
        self._table, self._asked, self._field = table, asked, field
        self._value_of = itemgetter(field)
        self._stamps: dict[str, list[str]] = {}
        self._batches: list[tuple[dict[tuple[int, int], None], list[float | None]]] = []

    def add(self, key: tuple[str, str], measure: str, data: Sequence[Any]) -> None:
        """`data` is points, or values of every slot (`metrics_bytes.read_body`)."""
        is_points = bool(data) and isinstance(data[0], dict)
        values = self._dense(data) if is_points else data
        if values.count(None) == len(values):
            return
        where = self._table.place_of(key), MEASURES.index(measure)
        for keys, collected in self._batches:  # noqa: B007 the one that has room is used below
            if where not in keys:
                break
        else:
            keys, collected = {}, []
            self._batches.append((keys, collected))
        keys[where] = None
        collected += values

    def flush(self) -> None:
        count, first = len(self._asked.stamps), self._asked.first
        for keys, collected in self._batches:
            values = np.array(collected, dtype=np.float64)  # None becomes nan
            places, rows = zip(*keys, strict=True)
            self._table.add(places, rows, slice(first, first + count), values.reshape(-1, count))

    def _dense(self, data: Sequence[Mapping[str, Any]]) -> list[float | None]:
        """A value, or None, for each slot asked for.

        The common case, one point with a value for every slot in order, is taken in one piece.
        Points outside the slots are left out; of a slot that is named twice the last counts.
        """
        if list(map(TIME, data)) == self._stamps_like(TIME(data[0])):
            with suppress(KeyError):  # a point without a value
                return list(map(self._value_of, data))
        found = {TIME(p)[:TIMESTAMP_CHARACTERS]: p.get(self._field) for p in data}
        return [found.get(stamp) for stamp in self._asked.stamps]

    def _stamps_like(self, stamp: str) -> list[str]:
        """The stamps of all slots with the end (seconds, zone) that this one has."""
        end = stamp[TIMESTAMP_CHARACTERS:]
        if end not in self._stamps:
            self._stamps[end] = [start + end for start in self._asked.stamps]
        return self._stamps[end]


def _told_once(timeseries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Labels, Sequence[Any]]]:
    """Labels (names in lower case) and points; a series that is told twice counts once."""
    told: set[frozenset[tuple[str, str]]] = set()
    for series in timeseries:
        labels = {m["name"]["value"].lower(): m["value"] for m in series["metadatavalues"]}
        key = frozenset(labels.items())
        if key not in told:
            told.add(key)
            yield labels, series["data"]


def _add_series(
    rows: _Rows, account: str, metric: str, labels: Labels, data: Sequence[Any]
) -> None:
    deployment = str(labels.get(DEPLOYMENT) or "").lower()
    if deployment:  # else it was refused before Azure knew for which deployment
        key = (account, deployment)
        if metric in (REQUESTS, NEWER_REQUESTS):
            rows.add(key, request_measure(labels), data)
            if is_priority(labels):
                rows.add(key, PRIORITY, data)
        else:
            measure = MEASURE_OF_METRIC.get(metric) or NEWER_MEASURE_OF_METRIC[metric]
            rows.add(key, measure, data)


def _account_of(resource: Mapping[str, Any]) -> str:
    """The account's id in lower case; from the metric's id where the answer leaves it out."""
    resource_id = resource.get("resourceid")
    if not resource_id and resource["value"]:
        resource_id = resource["value"][0]["id"].split("/providers/Microsoft.Insights")[0]
    return str(resource_id or "").lower()
