"""Pulls a window of use from the source: region by region, each in one transaction.

Pulling any window again changes nothing (`docs/algorithms/usage.md`). A region that cannot be read
leaves what was there, and a sentence; the others go on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

import numpy as np
from django.db import transaction

from portal.kernel.errors import CloudError
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour, floor_to_minute
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.measures import MEASURES, MISSING
from showback.domain.minutes import (
    expected_minutes,
    hour_starts,
    settle,
    settled_slots,
    settled_until,
    sums_of_hours,
    sums_of_minutes,
)
from showback.gateway import MetricsAnswer, usage_source
from showback.models import Grain, UsagePull
from showback.services.locks import pipeline_lock
from showback.services.usage_rows import UsageRows
from showback.services.usage_store import store

# How far back the regular pulls reach; what is older is only fetched again by hand or as history.
NIGHTLY = timedelta(hours=48)
GRAINS = {MINUTE: Grain.MINUTE, HOUR: Grain.HOUR}


@dataclass(frozen=True)
class Pulled:
    """What one pull did: rows that changed, hours of use that were answered, what went wrong."""

    rows_changed: int = 0
    hours_read: int = 0
    problems: tuple[str, ...] = ()

    def __add__(self, other: "Pulled") -> "Pulled":
        return Pulled(
            self.rows_changed + other.rows_changed,
            self.hours_read + other.hours_read,
            self.problems + other.problems,
        )


def pull_recent(lookback: timedelta, *, at: datetime) -> Pulled:
    """Minutes from the hour in which `at − lookback` lies until now, of every deployment."""
    window = Window(floor_to_hour(at - lookback), floor_to_minute(at))
    return pull_window(window, MINUTE, at=at)


def pull_window(window: Window, grain: timedelta, *, at: datetime) -> Pulled:
    """Every deployment that exists or went away inside the window. It begins on a whole hour."""
    deployments = metered_deployments(including_gone_since=window.start)
    pulled = Pulled()
    for (subscription_id, region), members in _by_region(deployments):
        pulled += pull_region(subscription_id, region, members, window, grain, at=at)
    return pulled


def _by_region(
    deployments: Sequence[MeteredDeployment],
) -> Iterable[tuple[tuple[str, str], list[MeteredDeployment]]]:
    def place(deployment: MeteredDeployment) -> tuple[str, str]:
        return (deployment.subscription_id, deployment.region)

    for key, members in groupby(sorted(deployments, key=place), key=place):
        yield key, list(members)


def pull_region(
    subscription_id: str,
    region: str,
    deployments: Sequence[MeteredDeployment],
    window: Window,
    grain: timedelta,
    *,
    at: datetime,
) -> Pulled:
    """One source. The lock keeps an earlier answer from overwriting a later one."""
    source = f"{subscription_id}/{region}"
    with pipeline_lock(f"usage:{source}", wait=True):
        hours = [datetime.fromtimestamp(second, UTC) for second in hour_starts(window).tolist()]
        _mark(source, hours, grain, at=at)
        try:
            answer = usage_source().pull(
                subscription_id=subscription_id,
                region=region,
                account_resource_ids=sorted({d.account_resource_id for d in deployments}),
                window=window,
                grain=grain,
            )
        except CloudError as error:
            _mark(source, hours, grain, at=at, problem=error.sentence)
            return Pulled(problems=(error.sentence,))
        with transaction.atomic():
            rows = rows_of(answer, deployments, at=at)
            changed = store(rows)
            _mark(source, hours, grain, at=at, problem=" ".join(answer.problems), done=True)
        return Pulled(changed, len(rows), answer.problems)


def rows_of(
    answer: MetricsAnswer, deployments: Sequence[MeteredDeployment], *, at: datetime
) -> UsageRows:
    """An answer as rows, one for each deployment and hour of which anything has settled."""
    hours = hour_starts(answer.window)
    settled = settled_slots(answer.window, answer.grain, at)
    per_hour = int(HOUR / answer.grain)
    slots = int(answer.window.length / answer.grain)
    values = np.full(
        (len(deployments), len(MEASURES), len(hours) * per_hour), MISSING, dtype=np.int64
    )
    failed = [answer.failed_measures.get(d.account_key, frozenset()) for d in deployments]
    found = _tables(answer, deployments, slots)
    for measures in set(failed):
        chosen = np.array([measures == of for of in failed])
        values[chosen, :, :slots] = settle(found[chosen], measures, settled)
    has_failed = np.array([bool(measures) for measures in failed], dtype=bool)
    begun = -(-settled // per_hour)
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
        np.repeat(has_failed, begun),
    )


def _tables(
    answer: MetricsAnswer, deployments: Sequence[MeteredDeployment], slots: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """(deployments, measures, slots); one that no metric named has no point at all."""
    nothing = np.full((len(MEASURES), slots), MISSING, dtype=np.int64)
    found = [answer.series.get((d.account_key, d.name.lower())) for d in deployments]
    return np.stack([nothing if series is None else series.table for series in found])


def _mark(
    source: str,
    hours: Sequence[datetime],
    grain: timedelta,
    *,
    at: datetime,
    problem: str = "",
    done: bool = False,
) -> None:
    """Moves the watermarks of these hours to STARTED or DONE."""
    UsagePull.objects.bulk_create(
        [
            UsagePull(
                source=source,
                hour=hour,
                grain=GRAINS[grain],
                state=UsagePull.State.DONE if done else UsagePull.State.STARTED,
                started_at=at,
                done_at=at if done else None,
                settled_until=min(settled_until(at), hour + HOUR) if done else None,
                problem=problem,
            )
            for hour in hours
        ],
        update_conflicts=True,
        unique_fields=["source", "hour"],
        update_fields=[
            *("grain", "state", "started_at", "done_at", "problem"),
            # A pull that has only begun does not take back what the last one read.
            *(("settled_until",) if done else ()),
        ],
    )
