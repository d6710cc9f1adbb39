"""Whether use comes in: how fresh and complete it is, what has gaps, what waits to be summed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Sum

from portal.kernel.windows import DAY, floor_to_hour
from quotas.selectors.metering import metered_deployments
from showback.domain.targets import GATEWAY
from showback.models import TouchedHour, UsageHour
from showback.selectors.data_age import NewestPull, newest_pulls
from showback.selectors.scope import label_of

# Use is pulled every five minutes; three pulls that are missing are no accident.
LATE_AFTER = timedelta(minutes=20)
# Gateway logs settle later than metrics.
GATEWAY_LATE_AFTER = timedelta(minutes=60)
MOST_GAPS = 10


@dataclass(frozen=True)
class SourceHealth:
    """One subscription and region, or one gateway.

    `problem` is of its newest hour, empty when all was well.
    """

    source: str
    until: datetime | None
    problem: str
    is_late: bool

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

    @property
    def complete(self) -> float:
        return 1 - self.missing_minutes / self.expected_minutes


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
    return SourceHealth(pull.source, pull.until, pull.problem, late)


def completeness(*, at: datetime) -> Completeness:
    """Minutes received of those that had settled when they were asked for."""
    rows = list(
        UsageHour.objects.filter(hour__gte=floor_to_hour(at - DAY), hour__lte=at)
        .values("deployment_id")
        .annotate(received=Sum("minutes_received"), due=Sum("minutes_expected"))
        .order_by(F("received") - F("due"), "deployment_id")
    )
    gaps = [row for row in rows if row["received"] < row["due"]]
    shown = [row["deployment_id"] for row in gaps[:MOST_GAPS]]
    names = {d.id: label_of(d) for d in metered_deployments(ids=shown)} if gaps else {}
    return Completeness(
        received=sum(row["received"] for row in rows),
        expected=sum(row["due"] for row in rows),
        gaps=[
            Gap(
                names.get(row["deployment_id"], label_of(None)),
                row["due"] - row["received"],
                row["due"],
            )
            for row in gaps[:MOST_GAPS]
        ],
        deployments_with_gaps=len(gaps),
    )


def hours_to_sum() -> int:
    """Hours whose use or holders changed and which the next roll-up takes."""
    return TouchedHour.objects.values("hour").distinct().count()
