"""A source of metrics in memory: every minute of every deployment is a pure function of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from portal.kernel.errors import CloudError, CloudReason
from portal.kernel.windows import HOUR, MINUTE, Window
from showback.domain.measures import MISSING
from showback.gateway import (
    CALLER_MEASURES,
    CallerAnswer,
    CallerKey,
    CallerSeries,
    MetricsAnswer,
    Series,
)

Ints = NDArray[np.int64]
# (name of the deployment, minutes since the epoch) → what each measure was in these minutes.
Traffic = Callable[[str, Ints], dict[str, Ints]]

SUMMED = ("ok", "throttled", "other", "spilled", "prompt", "generated")


def steady(name: str, minutes: Ints) -> dict[str, Ints]:
    """Ten requests a minute of 100 tokens in and 20 out each; a 429 in each tenth minute."""
    ones = np.ones(len(minutes), dtype=np.int64)
    return {
        "ok": ones * 10,
        "throttled": np.where(minutes % 10 == 0, 3, 0),
        "other": ones * 0,
        "spilled": ones * 0,
        "prompt": ones * 1000,
        "generated": ones * 200,
        "cache_percent": ones * 20,
        "utilisation_percent": ones * 30,
    }


def random_traffic(seed: int) -> Traffic:
    """Different for every deployment and minute, with quiet minutes; the same each time."""

    def draw(name: str, minutes: Ints) -> dict[str, Ints]:
        salt = sum(name.encode()) + seed * 7919
        mixed = (minutes * 2_654_435_761 + salt * 40_503) % 1_000_003
        busy = mixed % 7 > 1
        ok = np.where(busy, mixed % 40, 0)
        return {
            "ok": ok,
            "throttled": np.where(busy, mixed % 3, 0),
            "other": np.where(busy, mixed % 2, 0),
            "spilled": np.where(busy, mixed % 5, 0),
            "prompt": ok * (50 + mixed % 900),
            "generated": ok * (10 + mixed % 200),
            "cache_percent": np.where(busy, mixed % 101, MISSING),
            "utilisation_percent": np.where(busy, mixed % 120, 0),
        }

    return draw


@dataclass
class FakeMetrics:
    """Answers for the named deployments: account key → names. Others are unknown to it.

    Like Azure it sends no point where a count is nought. `failing` measures fail for every account;
    `silent` deployments are named by no metric; with `down` nothing can be read at all. The latest
    minutes are still growing: of those within `latency` of `at`, nothing is there.
    """

    names: dict[str, list[str]]
    traffic: Traffic = steady
    failing: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    down: bool = False
    calls: list[tuple[str, Window, timedelta]] = field(default_factory=list, repr=False)

    def __call__(self) -> "FakeMetrics":
        return self

    def pull(
        self,
        *,
        subscription_id: str,
        region: str,
        account_resource_ids: Sequence[str],
        window: Window,
        grain: timedelta,
    ) -> MetricsAnswer:
        self.calls.append((region, window, grain))
        if self.down:
            raise CloudError(CloudReason.TIMEOUT, "Azure did not answer in time.")
        keys = [account.lower() for account in account_resource_ids]
        return MetricsAnswer(
            window=window,
            grain=grain,
            series={
                (key, name.lower()): self._series(name, window, grain)
                for key in keys
                for name in self.names.get(key, [])
                if name not in self.silent
            },
            failed_measures=dict.fromkeys(keys, self.failing) if self.failing else {},
            problems=("A metric could not be read.",) if self.failing else (),
        )

    def _series(self, name: str, window: Window, grain: timedelta) -> Series:
        minutes = minutes_of(window)
        values = self.traffic(name, minutes)
        if grain == HOUR:
            values = _by_hour(values)
        return Series.of(
            {
                measure: np.where(
                    (measure in self.failing) | ((row == 0) & (measure in SUMMED)), MISSING, row
                )
                for measure, row in values.items()
            }
        )


def minutes_of(window: Window) -> Ints:
    first = int(window.start.timestamp()) // 60
    return np.arange(first, first + int(window.length / MINUTE), dtype=np.int64)


def _by_hour(values: dict[str, Ints]) -> dict[str, Ints]:
    found = {}
    for measure, minutes in values.items():
        rows = minutes.reshape(-1, 60)
        if measure in SUMMED:
            found[measure] = rows.sum(axis=1)
        else:
            known = np.where(rows == MISSING, 0, rows)
            count = np.maximum((rows != MISSING).sum(axis=1), 1)
            found[measure] = known.sum(axis=1) // count
    return found


def at_minute(moment: datetime) -> Ints:
    return np.array([int(moment.timestamp()) // 60], dtype=np.int64)


@dataclass
class FakeCallers:
    """Gateway logs in memory: what a caller did in a minute is a pure function of both.

    `lost` minutes (epoch minutes) cannot be read. With `down` nothing can be read at all.
    """

    keys: list[CallerKey]
    traffic: Callable[[CallerKey, Ints], dict[str, Ints]]
    settles_after: timedelta = timedelta(minutes=10)
    lost: frozenset[int] = frozenset()
    down: bool = False
    calls: list[Window] = field(default_factory=list, repr=False)

    def __call__(self) -> "FakeCallers":
        return self

    def pull(self, *, workspace_id: str, window: Window) -> CallerAnswer:
        self.calls.append(window)
        if self.down:
            raise CloudError(CloudReason.TIMEOUT, "The workspace did not answer in time.")
        minutes = minutes_of(window)
        received = ~np.isin(minutes, list(self.lost))
        series = {}
        for key in self.keys:
            values = {name: np.zeros_like(minutes) for name in CALLER_MEASURES}
            values |= self.traffic(key, minutes)
            series[key] = CallerSeries(
                {name: np.where(received, each, MISSING) for name, each in values.items()}
            )
        lost = "Some minutes could not be read."
        return CallerAnswer(window, series, received, () if received.all() else (lost,))


def share_of_steady(parts: dict[str, int]) -> Callable[[CallerKey, Ints], dict[str, Ints]]:
    """Each caller so many of the ten requests a minute of `steady`."""

    def draw(key: CallerKey, minutes: Ints) -> dict[str, Ints]:
        ok = np.full(len(minutes), parts.get(key.caller, 0), dtype=np.int64)
        return {"ok": ok, "prompt": ok * 100, "generated": ok * 20}

    return draw
