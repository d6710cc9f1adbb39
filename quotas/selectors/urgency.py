"""How urgent requests are that wait: what they are read from, and the order of the inbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from quotas.domain.urgency import Urgency, Waiting, urgency_of
from quotas.models import CapacityRequest, Decision, ReviewHours
from quotas.selectors.review_hours import reviews_by

ASKS_ANEW = Q(decisions__outcome__in=[Decision.Outcome.EDITED, Decision.Outcome.ACCEPTED])
MOMENTS = ("asked_at", "moved_at", "starts_at", "review_ends_at")
OWN = ("time_zone", "weekdays", "opens", "closes", "holidays", "remind_after_hours")


@dataclass(frozen=True)
class Queue:
    """Most urgent first; by request id."""

    urgency: dict[int, Urgency]
    late: int

    @property
    def total(self) -> int:
        return len(self.urgency)

    @property
    def ids(self) -> list[int]:
        return list(self.urgency)


def with_waiting(rows: QuerySet[CapacityRequest]) -> QuerySet[CapacityRequest]:
    """Each knows `asked_at`, `moved_at` and `review_ends_at`, as `quotas.domain.urgency.Waiting`
    says. The review of what was answered already ended then.
    """
    sent = F("submitted_at")
    return rows.annotate(
        asked_at=Greatest(sent, Coalesce(Max("decisions__at", filter=ASKS_ANEW), sent)),
        moved_at=Greatest(sent, Coalesce(Max("decisions__at"), sent)),
        review_ends_at=Coalesce("deadline_at", "decided_at", "submitted_at"),
    )


def waiting_of(row: CapacityRequest) -> Waiting:
    """Of a row of `with_waiting`."""
    known = vars(row)
    return Waiting(known["asked_at"], known["moved_at"], row.starts_at, known["review_ends_at"])


def queue_of(rows: QuerySet[CapacityRequest], *, at: datetime) -> Queue:
    """One query for any number."""
    alone = CapacityRequest.objects.filter(pk__in=rows.order_by().values("pk"))
    own = [f"deployment__pool__review_hours__{name}" for name in OWN]
    found = with_waiting(alone).order_by("pk").values_list("pk", *MOMENTS, *own)
    urgency = {pk: _urgency(moments_and_hours) for pk, *moments_and_hours in found}
    ordered = sorted(urgency.items(), key=lambda pair: pair[1].order(at))
    return Queue(dict(ordered), sum(each.is_late(at) for each in urgency.values()))


def _urgency(row: list[Any]) -> Urgency:
    """`row` is MOMENTS, then OWN of its pool: nothing where that keeps the usual hours."""
    waiting, own = Waiting(*row[: len(MOMENTS)]), dict(zip(OWN, row[len(MOMENTS) :], strict=True))
    hours = ReviewHours(**own, escalate_after_hours=0) if own["time_zone"] else None
    reviews = reviews_by(hours)
    return urgency_of(waiting, reviews.hours, timedelta(hours=reviews.remind_after_hours))


def in_order(rows: dict[int, CapacityRequest], ids: list[int]) -> list[CapacityRequest]:
    """These of the rows, in this order; without those that are gone by now."""
    return [rows[pk] for pk in ids if pk in rows]
