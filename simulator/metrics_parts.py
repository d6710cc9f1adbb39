"""What one deployment contributes to a metric, minute by minute, told apart by dimensions.

A deployment's day is looked at through :class:`DayView`: what Monitor shows of it now. Each metric
then is a list of :class:`Part`, one for each combination of dimension values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from simulator.hashing import Floats, Ints, key_of
from simulator.latency import SPREAD, Latency, Work, latency_of
from simulator.metrics_catalogue import Metric, Source
from simulator.served_day import Cell, ServedDay
from simulator.world import Deployment

_OPERATIONS = {"chatCompletion": "ChatCompletions_Create", "embeddings": "Embeddings_Create"}
_LATENCIES = {
    Source.NORMALISED_FIRST,
    Source.BETWEEN_TOKENS,
    Source.LAST_BYTE,
    Source.TOKENS_PER_SECOND,
}


@dataclass(frozen=True)
class Part:
    """A run of minutes. ``total`` sums up; ``samples`` is None where there is nothing to average.

    ``total`` ÷ ``samples`` is the mean of a minute, whose single values lie between ``spread[0]``
    and ``spread[1]`` times the mean.
    """

    dimensions: dict[str, str]
    total: Floats
    samples: Floats | None = None
    spread: tuple[float, float] = (1.0, 1.0)


@dataclass(frozen=True)
class DayView:
    """A stretch of a served day as Monitor shows it now.

    ``shown`` is, for each minute, the share of its counts that has arrived: 1 for a final minute, 0
    for one that is not visible, between them for one that still grows. Counts are cut to whole
    numbers, so a later look never shows less.
    """

    deployment: Deployment
    served: ServedDay
    stretch: slice
    shown: Floats
    minutes: Ints
    seed: int
    counts_spilled_away: bool

    def _count(self, values: Ints) -> Ints:
        found = values[self.stretch]
        return found if self._is_final else np.floor(found * self.shown).astype(np.int64)

    @cached_property
    def _is_final(self) -> bool:
        return bool((self.shown == 1.0).all())

    @cached_property
    def cells(self) -> dict[Cell, Ints]:
        """Attempts by cell; those that went on elsewhere are 429s here only by a knob."""
        return {
            cell: self._count(attempts)
            for cell, attempts in self.served.attempts.items()
            if self.counts_spilled_away or not cell.spilled_away
        }

    @cached_property
    def prompt(self) -> Ints:
        """Prompt tokens of what was served."""
        return self._count(self.served.prompt)

    @cached_property
    def generated(self) -> Ints:
        """Generated tokens of what was served."""
        return self._count(self.served.generated)

    @cached_property
    def cached(self) -> Ints:
        """Those of the prompt tokens that matched the cache."""
        return self._count(self.served.cached)

    @cached_property
    def ok(self) -> Ints:
        """Requests with status 200, own and spilled ones."""
        found = np.zeros_like(self.prompt)
        for cell, attempts in self.cells.items():
            if cell.status == 200:
                found = found + attempts
        return found

    @cached_property
    def latency(self) -> Latency:
        """How long the answers took; does not change while counts grow."""
        served, cut = self.served, self.stretch
        work = Work(
            requests=served.total(200)[cut],
            prompt=served.prompt[cut],
            cached=served.cached[cut],
            generated=served.generated[cut],
            load=served.load[cut],
        )
        key = key_of(self.seed, self.deployment.key)
        return latency_of(work, model=self.deployment.model.name, key=key, minutes=self.minutes)


def emits(metric: Metric, deployment: Deployment) -> bool:
    """Whether a deployment of that kind and publisher ever has data of a metric."""
    if metric.source is Source.NOTHING:
        return False
    provisioned = deployment.sku.is_provisioned
    if (metric.provisioned_only or metric.source is Source.UTILISATION) and not provisioned:
        return False
    return metric.is_newer or deployment.model.format == "OpenAI"


def parts_of(metric: Metric, view: DayView) -> Iterator[Part]:
    """Everything a deployment contributes to ``metric`` in that stretch."""
    source = metric.source
    if source in (Source.REQUESTS, Source.AVAILABILITY, Source.RESPONSE) or source in _LATENCIES:
        yield from _of_cells(source, view)
    elif source is Source.UTILISATION:
        yield from _of_utilisation(view)
    else:
        yield _of_tokens(source, view)


def _of_cells(source: Source, view: DayView) -> Iterator[Part]:
    for cell, attempts in view.cells.items():
        dimensions = _cell_dimensions(view.deployment, cell)
        if source is Source.REQUESTS:
            yield Part(dimensions, attempts.astype(np.float64))
        elif source is Source.AVAILABILITY:
            samples = attempts.astype(np.float64)
            yield Part(dimensions, samples * (0.0 if cell.status >= 500 else 100.0), samples)
        elif source is Source.RESPONSE:
            yield _timed(dimensions, view.latency.response_ms(cell), attempts)
        elif cell.status == 200:
            yield _timed(dimensions, getattr(view.latency, source.value), attempts)


def _timed(dimensions: dict[str, str], mean: Floats, attempts: Ints) -> Part:
    """Requests without the thing timed (no token generated) are no samples."""
    known = ~np.isnan(mean)
    samples = np.where(known, attempts, 0).astype(np.float64)
    return Part(dimensions, np.where(known, mean, 0.0) * samples, samples, SPREAD)


def _of_utilisation(view: DayView) -> Iterator[Part]:
    """The same value for each stream type there is: one bucket serves them all."""
    if view.served.utilisation is None:
        return
    there = (view.served.exists[view.stretch] * (view.shown > 0)).astype(np.float64)
    for name in _stream_types(view.deployment):
        dimensions = _dimensions(view.deployment) | {"streamtype": name}
        yield Part(dimensions, view.served.utilisation[view.stretch] * there, there)


def _of_tokens(source: Source, view: DayView) -> Part:
    dimensions, ok = _dimensions(view.deployment), view.ok.astype(np.float64)
    if source is Source.CACHE:
        return Part(dimensions, view.served.cache_percent[view.stretch] * ok, ok)
    if source is Source.ACTIVE_TOKENS:
        active = (view.prompt + view.generated - view.cached).astype(np.float64)
        return Part(dimensions, active, ok, SPREAD)
    tokens = {"prompt": view.prompt, "generated": view.generated}
    total = tokens.get(source.value, view.prompt + view.generated)
    return Part(dimensions, total.astype(np.float64))


def _stream_types(deployment: Deployment) -> list[str]:
    share = deployment.traffic.callers.stream_share
    return ["Streaming"] * (share > 0) + ["Non-Streaming"] * (share < 1)


def _dimensions(deployment: Deployment) -> dict[str, str]:
    """Spellings of values that no source of ours shows are our choice (see the README)."""
    return {
        "apiname": deployment.traffic.callers.api_name,
        "operationname": _operation(deployment),
        "region": deployment.region,
        "modeldeploymentname": deployment.name,
        "modelname": deployment.model.name,
        "modelversion": deployment.model.version,
        "featurename": "Inference",
        "usagechannel": "Default",
    }


def _operation(deployment: Deployment) -> str:
    able = {name for name, _ in deployment.model.capabilities}
    return next((_OPERATIONS[name] for name in _OPERATIONS if name in able), "Completions_Create")


def _cell_dimensions(deployment: Deployment, cell: Cell) -> dict[str, str]:
    tier = "priority" if cell.is_priority else "default"
    return _dimensions(deployment) | {
        "streamtype": "Streaming" if cell.is_streaming else "Non-Streaming",
        "statuscode": str(cell.status),
        "isspillover": str(cell.is_spillover),
        "servicetierrequest": tier,
        "servicetierresponse": tier,
    }
