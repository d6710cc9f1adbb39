"""An answer of the source as rows: what is nought, what is a gap, and from which family it came."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from portal.kernel.windows import HOUR, MINUTE
from quotas.selectors.metering import MeteredDeployment
from showback.domain.measures import MEASURES, MISSING, NEWER, OLDER, family_expected
from showback.domain.minutes import (
    INDEX,
    expected_minutes,
    hour_starts,
    settle,
    settled_slots,
    sums_of_hours,
    sums_of_minutes,
)
from showback.gateway import MetricsAnswer
from showback.models import Grain
from showback.services.usage_rows import UsageRows

Ints = NDArray[np.int64]
GRAINS = {MINUTE: Grain.MINUTE, HOUR: Grain.HOUR}


def rows_of(
    answer: MetricsAnswer, deployments: Sequence[MeteredDeployment], *, at: datetime
) -> UsageRows:
    """One row for each deployment and hour of which anything has settled.

    What has settled is told by the source's clock where ours is ahead of it. A deployment that is
    gone, and that no metric names any more, has no rows: what was read of it stays.
    """
    at -= answer.clock_behind
    deployments = [d for d in deployments if not d.gone_at or _key(d) in answer.series]
    per_hour, slots = int(HOUR / answer.grain), int(answer.window.length / answer.grain)
    hours = hour_starts(answer.window)
    settled = settled_slots(answer.window, answer.grain, at)
    begun = -(-settled // per_hour)
    shape = (len(deployments), len(MEASURES), len(hours) * per_hour)
    values = np.full(shape, MISSING, dtype=np.int64)
    failed = [failed_measures(answer, deployment) for deployment in deployments]
    found = _tables(answer, deployments, slots)
    for measures in set(failed):
        chosen = np.array([measures == of for of in failed])
        values[chosen, :, :slots] = settle(found[chosen], measures, settled)
    hours = hours[:begun]
    ids = np.array([deployment.id for deployment in deployments], dtype=np.int64)
    by_hour = values[:, :, : begun * per_hour].reshape(len(ids), len(MEASURES), begun, per_hour)
    flat = by_hour.transpose(0, 2, 1, 3).reshape(len(ids) * begun, len(MEASURES), per_hour)
    row_hours = np.tile(hours, len(ids))
    if per_hour == 1:
        flat, sums = flat[:, :, 0], sums_of_hours(flat[:, :, 0])
    else:
        sums = sums_of_minutes(flat, expected_minutes(row_hours, at))
    return UsageRows(
        GRAINS[answer.grain],
        np.repeat(ids, begun),
        row_hours,
        flat,
        sums,
        np.repeat(np.array([bool(measures) for measures in failed], dtype=bool), begun),
        _families(answer, deployments, (begun, per_hour)),
    )


def problems_of(answer: MetricsAnswer, deployments: Iterable[MeteredDeployment]) -> tuple[str, ...]:
    """Sentences on what could not be read, without those on metrics that nothing here needs."""
    accounts = sorted({d.account_key for d in deployments if _bits(answer, d) & NEWER})
    newer = [text for account in accounts for text in answer.newer_problems.get(account, ())]
    return tuple(dict.fromkeys([*answer.problems, *newer]))


def failed_measures(answer: MetricsAnswer, deployment: MeteredDeployment) -> frozenset[str]:
    """Those that failed in every family in which the deployment is counted."""
    bits = _bits(answer, deployment)
    older = answer.failed_measures.get(deployment.account_key, frozenset())
    newer = answer.failed_newer.get(deployment.account_key, frozenset())
    if bits == OLDER | NEWER:
        return older & newer
    return older if bits == OLDER else newer


def _bits(answer: MetricsAnswer, deployment: MeteredDeployment) -> int:
    """The families that name the deployment in this answer; else the one its model belongs to."""
    slots = answer.families.get(_key(deployment))
    named = 0 if slots is None else int(np.bitwise_or.reduce(slots))
    return named or family_expected(deployment.model_format)


def _key(deployment: MeteredDeployment) -> tuple[str, str]:
    return (deployment.account_key, deployment.name.lower())


def _families(
    answer: MetricsAnswer, deployments: Sequence[MeteredDeployment], hours: tuple[int, int]
) -> Ints:
    """For each row the families of its slots; `hours` is how many hours of how many slots."""
    begun, per_hour = hours
    found = np.zeros((len(deployments), begun * per_hour), dtype=np.int64)
    for row, deployment in zip(found, deployments, strict=True):
        slots = answer.families.get(_key(deployment))
        if slots is not None:
            row[: len(slots)] = slots[: len(row)]
    bits: Ints = np.bitwise_or.reduce(found.reshape(len(deployments) * begun, per_hour), axis=1)
    return bits


def _tables(answer: MetricsAnswer, deployments: Sequence[MeteredDeployment], slots: int) -> Ints:
    """(deployments, measures, slots); one that no metric named has no point at all.

    Active tokens are documented for provisioned deployments alone: of others they are left out.
    """
    found = np.full((len(deployments), len(MEASURES), slots), MISSING, dtype=np.int64)
    for table, deployment in zip(found, deployments, strict=True):
        series = answer.series.get(_key(deployment))
        if series is not None:
            table[:] = series.table
    paid_by_token = np.array([not d.is_provisioned for d in deployments], dtype=bool)
    found[paid_by_token, INDEX["active"]] = MISSING
    return found
