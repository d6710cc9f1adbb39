"""How urgent requests are that wait: what they are read from, and the order of the inbox."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F, Max, Q, QuerySet
from django.db.models.functions import Coalesce, Greatest

from quotas.domain.urgency import Urgency, Waiting, urgency_of
from quotas.models import CapacityRequest, Decision
from quotas.selectors.review_hours import reviews_by_pool, usual

ASKS_ANEW = Q(decisions__outcome__in=[Decision.Outcome.EDITED, Decision.Outcome.ACCEPTED])
FIELDS = ("pk", "deployment__pool", "asked_at", "moved_at", "starts_at", "review_ends_at")


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
    """One query for any number, one more where something is asked from now on."""
    alone = CapacityRequest.objects.filter(pk__in=rows.order_by().values("pk"))
    found = with_waiting(alone).order_by("pk").values_list(*FIELDS)
    waiting = {pk: (pool, Waiting(*moments)) for pk, pool, *moments in found}
    own = reviews_by_pool() if any(each.is_at_once for _, each in waiting.values()) else {}
    others = usual()
    urgency = {}
    for pk, (pool, each) in waiting.items():
        reviews = own.get(pool, others)
        wait = timedelta(hours=reviews.remind_after_hours)
        urgency[pk] = urgency_of(each, reviews.hours, wait)
    ordered = sorted(urgency.items(), key=lambda pair: pair[1].order(at))
    return Queue(dict(ordered), sum(each.is_late(at) for each in urgency.values()))


def in_order(rows: QuerySet[CapacityRequest], ids: list[int]) -> list[CapacityRequest]:
    """These of the rows, in this order; without those that are gone by now."""
    found = rows.in_bulk(ids) if ids else {}
    return [found[pk] for pk in ids if pk in found]
