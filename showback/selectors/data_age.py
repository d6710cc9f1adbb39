"""How far the data is: the age of the newest minute, and how much history has been fetched."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q

from showback.domain.targets import GATEWAY
from showback.models import BackfillSlice, Grain, UsagePull


@dataclass(frozen=True)
class Progress:
    """Slices of history fetched, of those planned, and the first sentence on what went wrong."""

    done: int
    total: int
    problem: str

    @property
    def is_done(self) -> bool:
        return self.done == self.total


def data_until(at: datetime) -> datetime | None:
    """The moment up to which the slowest source was read; None before the first pull.

    A property of the installation, not of any team. Callers of gateways come later and do not
    count: they divide use, they do not make it.
    """
    newest = (
        UsagePull.objects.filter(settled_until__isnull=False, hour__lte=at)
        .exclude(source__startswith=GATEWAY)
        .values("source")
        .annotate(until=Max("settled_until"))
        .order_by()
        .values_list("until", flat=True)
    )
    return min(newest, default=None)


def backfill_progress() -> dict[str, Progress]:
    """By grain (`minute`, `hour`); empty before the first plan."""
    rows = (
        BackfillSlice.objects.values("grain")
        .annotate(
            total=Count("id"),
            done=Count("id", filter=Q(done_at__isnull=False)),
            problem=Max("problem", filter=Q(done_at__isnull=True)),
        )
        .order_by()
    )
    return {
        Grain(row["grain"]).value: Progress(row["done"], row["total"], row["problem"] or "")
        for row in rows
    }
