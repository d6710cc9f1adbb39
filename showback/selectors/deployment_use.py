"""Use of one deployment against what is held of it, step by step: what a chart needs.

Tokens are in the unit of its capacity: plain where it is pay-as-you-go, weighted (as input tokens)
where it is provisioned and the model's weights are published. By the minute for up to two days,
beyond that the peak minute of each hour.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import numpy as np
from numpy.typing import NDArray

from portal.kernel.charts import CapacityUse, Chart
from portal.kernel.received import Received
from portal.kernel.windows import HOUR, MINUTE, Window
from quotas.selectors.metering import HeldSpan, MeteredDeployment
from showback.domain.bands import held_at_steps
from showback.domain.days import total
from showback.domain.measures import MISSING
from showback.domain.minutes import due_minutes, due_until
from showback.domain.provisioned import PtuModel
from showback.models import UsageHour
from showback.selectors.minutes import LOAD_MEASURES, MINUTES_OF_HOUR, load, read_minutes
from showback.selectors.ptu_models import ptu_models
from showback.selectors.scope import label_of
from showback.selectors.spillover import met_by_callers, refused_by_hour

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
MINUTES_UP_TO = timedelta(hours=48)


@dataclass(frozen=True)
class DeploymentUse:
    """All arrays have one element a step; MISSING is a gap. Capacities are tokens per minute.

    Refusals are those that callers met: what a spill-over target served was refused to nobody.
    `refused_minutes` None: none of the minutes is known. `missing` marks the steps of which minutes
    ought to have come and did not; `received` counts.

    `baseline` and `burst` are None where Azure states no rate for a unit. With `is_shared` several
    services hold it, and the use is all of theirs: metrics know no caller.
    """

    deployment_id: int
    label: str
    model_name: str
    sku_name: str
    unit: str
    window: Window
    step: timedelta
    used: Ints
    throttled: Ints
    missing: Bools
    received: Received
    refused_minutes: int | None
    held_units: Ints
    burst_units: Ints
    tokens_per_unit: int | None
    is_shared: bool

    @property
    def held(self) -> Ints | None:
        """Baseline and burst together."""
        per_unit = self.tokens_per_unit
        return None if per_unit is None else self.held_units * per_unit

    def chart(self, zone: tzinfo, *, title: str = "") -> Chart:
        per_unit = self.tokens_per_unit
        baseline = self.held_units - self.burst_units

        def capacity(units: Ints) -> list[float | None]:
            return [None if per_unit is None else int(n) * per_unit for n in units]

        use = CapacityUse(
            start=self.window.start,
            step=self.step,
            used=_with_gaps(self.used),
            baseline=capacity(baseline),
            burst=capacity(self.burst_units),
            throttled=_with_gaps(self.throttled),
            zone=zone,
            unit=self.unit,
            missing=self.missing.tolist(),
        )
        note = "Several services share it; this is the use of all." if self.is_shared else ""
        return use.chart(f"use-{self.deployment_id}", title or self.label, summary=note)


def deployment_uses(
    deployments: Sequence[MeteredDeployment],
    spans: Iterable[HeldSpan],
    window: Window,
    *,
    at: datetime,
) -> list[DeploymentUse]:
    """`window` begins and ends on whole minutes, beyond 48 hours on whole hours.

    What is younger than a quarter of an hour at `at` is on its way, and not missing.
    """
    by_minute = window.length <= MINUTES_UP_TO
    step = MINUTE if by_minute else HOUR
    read = _by_minute if by_minute else _by_hour
    measured = read(deployments, window, at)
    held = list(spans)
    return [
        _use(d, [s for s in held if s.deployment_id == d.id], window, step, measured[d.id])
        for d in deployments
    ]


def ptu_model_of(deployment: MeteredDeployment) -> PtuModel | None:
    return ptu_models().get(deployment.model_name.lower()) if deployment.is_provisioned else None


def tokens_per_unit_of(deployment: MeteredDeployment) -> int | None:
    model = ptu_model_of(deployment)
    if model is not None:
        return model.input_tokens_per_minute_per_unit
    return deployment.tokens_per_minute_per_unit


def _use(
    deployment: MeteredDeployment,
    spans: list[HeldSpan],
    window: Window,
    step: timedelta,
    measured: "Measured",
) -> DeploymentUse:
    bursts = [span for span in spans if span.kind == "burst"]
    return DeploymentUse(
        deployment_id=deployment.id,
        label=label_of(deployment),
        model_name=deployment.model_name,
        sku_name=deployment.sku_name,
        unit="weighted TPM" if ptu_model_of(deployment) else "TPM",
        window=window,
        step=step,
        used=measured.used,
        throttled=measured.throttled,
        missing=measured.missing > 0,
        received=measured.received,
        refused_minutes=measured.refused_minutes,
        held_units=held_at_steps([(s.window, s.units) for s in spans], window, step),
        burst_units=held_at_steps([(s.window, s.units) for s in bursts], window, step),
        tokens_per_unit=tokens_per_unit_of(deployment),
        is_shared=len({s.service_id for s in spans if s.service_id is not None}) > 1,
    )


@dataclass(frozen=True)
class Measured:
    """One element a step. `missing` minutes are due and did not come; `due` is how many were."""

    used: Ints
    throttled: Ints
    missing: Ints
    due: int
    refused_minutes: int | None

    @property
    def received(self) -> Received:
        return Received(self.due - int(self.missing.sum()), self.due)


def _by_minute(
    deployments: Sequence[MeteredDeployment], window: Window, at: datetime
) -> dict[int, Measured]:
    ids = [deployment.id for deployment in deployments]
    found = read_minutes(ids, window, ("throttled", *LOAD_MEASURES))
    for deployment, met in met_by_callers(deployments, window).items():
        found[deployment]["throttled"] = met
    return {d.id: _minutes(d, found[d.id], window, at) for d in deployments}


def _minutes(
    deployment: MeteredDeployment, values: dict[str, Ints], window: Window, at: datetime
) -> Measured:
    used = load(values, ptu_model_of(deployment))
    known = used != MISSING
    until = min(due_until(at), deployment.gone_at or at)
    due = due_minutes(known, window, since=deployment.came_at, until=until)
    missing, refused = (due & ~known).astype(np.int64), values["throttled"]
    came = refused[refused != MISSING]
    minutes = int((came > 0).sum()) if came.size else None
    return Measured(used, refused, missing, int(due.sum()), minutes)


def _by_hour(
    deployments: Sequence[MeteredDeployment], window: Window, at: datetime
) -> dict[int, Measured]:
    rows = UsageHour.objects.filter(
        deployment_id__in=[deployment.id for deployment in deployments],
        hour__gte=window.start,
        hour__lt=window.end,
    )
    by_deployment: dict[int, list[UsageHour]] = defaultdict(list)
    met = {
        each: refused_by_hour(minutes, window)
        for each, minutes in met_by_callers(deployments, window).items()
    }
    for row in rows:
        if refused := met.get(row.deployment_id, {}).get(row.hour):
            row.throttled_requests, row.throttled_minutes = refused.requests, refused.minutes
        by_deployment[row.deployment_id].append(row)
    return {d.id: _hours(d, by_deployment[d.id], window, at) for d in deployments}


def _hours(
    deployment: MeteredDeployment, rows: Sequence[UsageHour], window: Window, at: datetime
) -> Measured:
    slots = int(window.length / HOUR)
    used, throttled, received = _gaps(slots), _gaps(slots), np.zeros(slots, dtype=np.int64)
    model = ptu_model_of(deployment)
    for row in rows:
        slot = int((row.hour - window.start) / HOUR)
        received[slot] = row.minutes_received
        if row.minutes_received:
            used[slot] = _peak(row, model)
            throttled[slot] = row.throttled_requests
    until = min(due_until(at), deployment.gone_at or at)
    known = np.repeat(received > 0, MINUTES_OF_HOUR)
    due = due_minutes(known, window, since=deployment.came_at, until=until)
    due_by_hour = due.reshape(slots, MINUTES_OF_HOUR).sum(axis=1)
    missing = np.maximum(due_by_hour - received, 0)
    minutes = total(row.throttled_minutes for row in rows)
    return Measured(used, throttled, missing, int(due.sum()), minutes)


def _peak(row: UsageHour, model: PtuModel | None) -> int:
    """The hour's peak minute; its mean where the minutes are not known."""
    plain = row.prompt_tokens + row.generated_tokens
    peak = row.peak_tokens_per_minute
    if peak is None:
        peak = plain // row.minutes_received
    if model is None or not plain:
        return peak
    weighted = model.weighted_tokens(
        prompt=row.prompt_tokens, cached=row.cached_tokens_estimated, generated=row.generated_tokens
    )
    return peak * weighted // plain  # the hour's own mixture of input and output


def _gaps(slots: int) -> Ints:
    return np.full(slots, MISSING, dtype=np.int64)


def _with_gaps(values: Ints) -> list[float | None]:
    return [None if value == MISSING else value for value in values.tolist()]


def newest_of(uses: Sequence[DeploymentUse]) -> tuple[datetime, int] | None:
    """The start of the newest minute that came of any deployment, and the use of all in it."""
    steps = [use.used for use in uses if use.used.size]
    known = [int(np.flatnonzero(used != MISSING)[-1]) for used in steps if (used != MISSING).any()]
    if not known:
        return None
    slot = min(known)
    total = sum(int(used[slot]) for used in steps if used[slot] != MISSING)
    return uses[0].window.start + slot * uses[0].step, total
