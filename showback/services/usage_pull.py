"""Pulls a window of use from the source: region by region, each in one transaction.

Pulling any window again changes nothing (`docs/algorithms/usage.md`). A region that cannot be read
leaves what was there, and a sentence; the others go on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby

from django.db import transaction

from portal.kernel.errors import CloudError
from portal.kernel.windows import HOUR, MINUTE, Window, floor_to_hour, floor_to_minute
from quotas.selectors.metering import MeteredDeployment, metered_deployments
from showback.domain.minutes import hour_starts, settled_until
from showback.gateway import MetricsAnswer, usage_source
from showback.models import UsagePull
from showback.services.locks import LockBusy, pipeline_lock
from showback.services.usage_answer import GRAINS, failed_measures, problems_of, rows_of
from showback.services.usage_store import store

# Azure keeps its metrics for 93 days. Beyond that no point means nothing, so an hour's margin is
# left for clocks that differ: an old hour must not be read as idle.
KEPT_BY_AZURE = timedelta(days=93) - HOUR
# How far back the regular pulls reach; what is older is only fetched again by hand or as history.
NIGHTLY = timedelta(hours=48)


@dataclass(frozen=True)
class Pulled:
    """What one pull did: rows that changed, hours of use that were answered, what went wrong.

    `unread_accounts` (keys) are those of which something that somebody was told of is missing.
    """

    rows_changed: int = 0
    hours_read: int = 0
    problems: tuple[str, ...] = ()
    unread_accounts: frozenset[str] = frozenset()

    def __add__(self, other: "Pulled") -> "Pulled":
        return Pulled(
            self.rows_changed + other.rows_changed,
            self.hours_read + other.hours_read,
            self.problems + other.problems,
            self.unread_accounts | other.unread_accounts,
        )


def pull_recent(lookback: timedelta, *, at: datetime) -> Pulled:
    """Minutes from the hour in which `at − lookback` lies until now, of every deployment."""
    window = Window(floor_to_hour(at - lookback), floor_to_minute(at))
    return pull_window(window, MINUTE, at=at)


def pull_window(window: Window, grain: timedelta, *, at: datetime) -> Pulled:
    """Every deployment that exists or went away inside the window. It begins on a whole hour."""
    known = metered_deployments(including_gone_since=window.start)
    deployments = [deployment for deployment in known if not deployment.went_with_account]
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
    """One source. The lock keeps an earlier answer from overwriting a later one.

    Hours that Azure does not keep any more are left as they are.
    """
    source = f"{subscription_id}/{region}"
    oldest = floor_to_hour(at - KEPT_BY_AZURE) + HOUR
    if window.end <= oldest:
        return Pulled()
    window = Window(max(window.start, oldest), window.end)
    try:
        with pipeline_lock(f"usage:{source}", wait=True):
            return _pull_locked(source, deployments, window, grain, at=at)
    except LockBusy:
        return _unread(deployments, f"Another worker has been reading {source} for a minute.")


def _unread(deployments: Sequence[MeteredDeployment], problem: str) -> Pulled:
    accounts = frozenset(deployment.account_key for deployment in deployments)
    return Pulled(problems=(problem,), unread_accounts=accounts)


def _pull_locked(
    source: str,
    deployments: Sequence[MeteredDeployment],
    window: Window,
    grain: timedelta,
    *,
    at: datetime,
) -> Pulled:
    subscription_id, _, region = source.partition("/")
    marks = _Marks(source, window, grain, at)
    marks.begin()
    try:
        answer = usage_source().pull(
            subscription_id=subscription_id,
            region=region,
            account_resource_ids=sorted({d.account_resource_id for d in deployments}),
            window=window,
            grain=grain,
        )
    except CloudError as error:
        marks.begin(error.sentence)
        return _unread(deployments, error.sentence)
    with transaction.atomic():
        rows = rows_of(answer, deployments, at=at)
        changed = store(rows)
        problems = problems_of(answer, deployments)
        state = UsagePull.State.PARTIAL if rows.has_failed.any() else UsagePull.State.DONE
        marks.end(state, settled_until(at - answer.clock_behind), " ".join(problems))
    return Pulled(changed, len(rows), problems, _unread_of(answer, deployments, problems))


def _unread_of(
    answer: MetricsAnswer, deployments: Sequence[MeteredDeployment], problems: Sequence[str]
) -> frozenset[str]:
    """Without those that lack only what their cloud never tells: nobody is told of that."""
    failed = {d.account_key for d in deployments if failed_measures(answer, d)}
    return frozenset(failed if problems else ())


@dataclass(frozen=True)
class _Marks:
    """The watermarks of a window's hours of one source."""

    source: str
    window: Window
    grain: timedelta
    at: datetime

    def begin(self, problem: str = "") -> None:
        """A pull that has only begun does not take back what the last one read."""
        fields = ("grain", "state", "started_at", "done_at", "problem")
        self._write(fields, state=UsagePull.State.STARTED, problem=problem)

    def end(self, state: str, settled: datetime, problem: str) -> None:
        fields = ("grain", "state", "started_at", "done_at", "problem", "settled_until")
        self._write(fields, state=state, problem=problem, done_at=self.at, settled=settled)

    def _write(
        self,
        fields: tuple[str, ...],
        *,
        state: str,
        problem: str,
        done_at: datetime | None = None,
        settled: datetime | None = None,
    ) -> None:
        hours = [datetime.fromtimestamp(at, UTC) for at in hour_starts(self.window).tolist()]
        UsagePull.objects.bulk_create(
            [
                UsagePull(
                    source=self.source,
                    hour=hour,
                    grain=GRAINS[self.grain],
                    state=state,
                    started_at=self.at,
                    done_at=done_at,
                    settled_until=settled and min(settled, hour + HOUR),
                    problem=problem,
                )
                for hour in hours
            ],
            update_conflicts=True,
            unique_fields=["source", "hour"],
            update_fields=list(fields),
        )
