"""Whether use comes in: how fresh and complete it is, what has gaps, what waits to be summed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, F, IntegerField, Q, Sum, Value, When
from django.db.models.functions import Cast, Extract, Greatest

from portal.kernel.windows import DAY, HOUR, MINUTE, Window, floor_to_hour
from quotas.selectors.metering import (
    PresentDeployment,
    metered_deployments,
    present_deployments,
)
from showback.domain.minutes import settled_until
from showback.domain.targets import GATEWAY
from showback.models import TouchedHour, UsageHour
from showback.selectors.data_age import NewestPull, newest_pulls
from showback.selectors.scope import label_of
from showback.selectors.whole_hours import whole_throughout

# Use is pulled every five minutes; three pulls that are missing are no accident.
LATE_AFTER = timedelta(minutes=20)
# Gateway logs settle later than metrics.
GATEWAY_LATE_AFTER = timedelta(minutes=60)
MOST_GAPS = 10
# Minutes received, expected, and how many of the rows' hours were due.
Sums = tuple[int, int, int]


@dataclass(frozen=True)
class SourceHealth:
    """One subscription and region, or one gateway.

    `problem` is of its newest hour, empty when all was well; `since` the first that was asked for.
    """

    source: str
    until: datetime | None
    problem: str
    is_late: bool
    since: datetime

    @property
    def is_gateway(self) -> bool:
        return self.source.startswith(GATEWAY)

    @property
    def is_well(self) -> bool:
        return not (self.problem or self.is_late)


@dataclass(frozen=True)
class Gap:
    """A deployment of which minutes are missing in the last 24 hours."""

    deployment: str
    missing_minutes: int
    expected_minutes: int


@dataclass(frozen=True)
class Completeness:
    """Of the last 24 hours. `share` None: nothing was expected yet."""

    received: int
    expected: int
    gaps: list[Gap]
    deployments_with_gaps: int

    @property
    def share(self) -> float | None:
        return self.received / self.expected if self.expected else None


def source_health(*, at: datetime) -> list[SourceHealth]:
    """By source; empty before the first pull. One query."""
    return [_source(pull, at=at) for pull in newest_pulls(at)]


def _source(pull: NewestPull, *, at: datetime) -> SourceHealth:
    limit = GATEWAY_LATE_AFTER if pull.is_gateway else LATE_AFTER
    late = pull.until is None or at - pull.until > limit
    return SourceHealth(pull.source, pull.until, pull.problem, late, pull.since)


def completeness(sources: Iterable[SourceHealth], *, at: datetime) -> Completeness:
    """Minutes received of those that should be there. Three queries, one more where some are
    missing.

    What should be there: minutes that had settled when they were asked for, and those that should
    have been asked for by now, also where nothing at all could be read and so no row is.
    """
    start, due_until = floor_to_hour(at - DAY), settled_until(at - LATE_AFTER)
    asked_since = {source.source: max(start, source.since) for source in sources}
    due_of = {source: _minutes(since, due_until) for source, since in asked_since.items()}
    present = present_deployments(new_since=start)
    rows = _rows(Window(start, at), due_until, present)
    found = {key: (received, expected) for key, (received, expected, _) in rows.items()}
    for key, subscription_id, region, first_seen_at in present:
        received, expected, due_of_rows = rows.get(key, (0, 0, 0))
        source = f"{subscription_id}/{region}"
        due = due_of.get(source, 0)
        if due and first_seen_at:
            since = max(asked_since[source], floor_to_hour(first_seen_at))
            due = _minutes(since, due_until)
        found[key] = received, expected + max(0, due - due_of_rows)
    received, expected = (sum(each[part] for each in found.values()) for part in (0, 1))
    gaps = {key: want - came for key, (came, want) in found.items() if came < want}
    return Completeness(received, expected, _worst(gaps, found), len(gaps))


def _minutes(since: datetime, until: datetime) -> int:
    return max(0, (until - since) // MINUTE)


def _worst(gaps: Mapping[int, int], found: Mapping[int, tuple[int, int]]) -> list[Gap]:
    """Most missing first. `found` is minutes received and expected by deployment."""
    shown = sorted(gaps, key=lambda key: (-gaps[key], key))[:MOST_GAPS]
    names = {d.id: label_of(d) for d in metered_deployments(ids=shown)} if shown else {}
    return [Gap(names.get(key, label_of(None)), gaps[key], found[key][1]) for key in shown]


def _rows(
    window: Window, due_until: datetime, present: Iterable[PresentDeployment]
) -> dict[int, Sums]:
    """By deployment. Hours that are due as a whole are read only of those that lack something in
    one of them, or that are new: of the others each minute was due, and came.
    """
    settled = Window(window.start, floor_to_hour(due_until))
    whole, others = whole_throughout(settled)
    others |= {each.id for each in present if each.first_seen_at or each.id not in whole}
    rows = _sums(Window(settled.end, window.end), due_until, settled, others)
    minutes = settled.length // MINUTE
    for key in whole - others:
        received, expected, due = rows.get(key, (0, 0, 0))
        rows[key] = received + minutes, expected + minutes, due + minutes
    return rows


def _sums(
    newest: Window, due_until: datetime, settled: Window, ids: Collection[int]
) -> dict[int, Sums]:
    """Of every deployment in the newest hours, and of some in those that have settled.

    Of a deployment that is gone nothing was due but what was expected when it was last read.
    """
    there = Q(deployment__gone_at__isnull=True, hour__gt=F("deployment__first_seen_at") - HOUR)
    part = Cast(Extract(Value(due_until) - F("hour"), "epoch") / 60, IntegerField())
    due = Case(
        # Most hours are due as a whole: no sum of times for each of them.
        When(there & Q(hour__lte=due_until - HOUR), then=Value(HOUR // MINUTE)),
        When(there, then=Greatest(part, 0)),
        default=0,
    )
    rows = (
        UsageHour.objects.filter(
            Q(hour__gte=newest.start, hour__lte=newest.end)
            | Q(hour__gte=settled.start, hour__lt=settled.end, deployment__in=ids)
        )
        .values("deployment_id")
        .annotate(
            received=Sum("minutes_received"),
            expected=Sum(Greatest("minutes_expected", due)),
            due=Sum(due),
        )
        .order_by()
        .values_list("deployment_id", "received", "expected", "due")
    )
    return {key: tuple(sums) for key, *sums in rows}


def hours_to_sum() -> int:
    """Hours whose use or holders changed and which the next roll-up takes."""
    return TouchedHour.objects.values("hour").distinct().count()
