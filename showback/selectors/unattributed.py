"""Use of the running month that is nobody's, in buckets that can each be given to a service.

Buckets of a deployment sum to its unattributed tokens and cents, as showback lists them. Where a
gateway counted more than Azure they are scaled down, and the cost of a bucket is its share by
tokens: an estimate inside an exact sum.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Subquery, Sum

from portal.kernel.money import ZERO
from portal.kernel.received import Received
from portal.kernel.slices import Slice, query_of, slice_of
from quotas.selectors.metering import service_names
from showback.models import Caller, CallerMapping, JobDone, SharedDeployment, UnmappedDay
from showback.querysets import in_force_at
from showback.selectors.buckets import Bucket, Part, Where, parts_of, with_offer
from showback.selectors.cents import UNATTRIBUTED, Costs, account_cents, cents_of
from showback.selectors.offers import Offers
from showback.selectors.scope import (
    MonthScope,
    deployments_of,
    month_scope,
    running_month,
)
from showback.selectors.shared_pages import UnknownTarget, this_month, unknown_targets
from showback.selectors.sharing import Unmapped
from showback.selectors.use_totals import members_in, sum_of, tokens_of_all

PAGE_SIZE = 10  # each row has a form


@dataclass(frozen=True)
class Unattributed:
    """`buckets` are those of one page; `tokens` and `amount` are of all, `all_tokens` of the whole
    organisation.
    """

    month: MonthScope
    month_url: str
    buckets: list[Bucket]
    place: Slice
    tokens: int
    amount: Decimal
    unknown: list[UnknownTarget]
    all_tokens: int
    received: Received

    @property
    def share(self) -> float | None:
        return self.tokens / self.all_tokens if self.all_tokens else None

    @property
    def proposals(self) -> list[Bucket]:
        return [bucket for bucket in self.buckets if bucket.suggested]


def unattributed(params: Mapping[str, str] | None = None, *, at: datetime) -> Unattributed:
    """Dearest first. For organisation-wide roles: it is of no team. Without `params` all buckets;
    else one page of them, `?all=KEY` offering every service for that one.
    """
    month = month_scope(str(running_month(at=at)), at=at)
    assert month is not None  # noqa: S101 - the running month has begun
    there = members_in(UNATTRIBUTED, month.days)
    used = {key: of.use.tokens for key, of in there.items() if of.use.tokens}
    whole = account_cents(month.days).get(UNATTRIBUTED, ZERO)
    costs = _costs({key: of.costs for key, of in there.items() if of.costs.has_lines}, whole)
    callers = _callers(month)
    found = [
        part
        for key, tokens in used.items()
        for part in parts_of(key, tokens, costs.get(key), callers.get(key, []))
    ]
    found.sort(key=lambda part: (-(part.amount or ZERO), -part.tokens, part.key))
    place, buckets = _chosen(found, params, month, at=at)
    offers = Offers(service_names())
    opened = (params or {}).get("all", "")
    return Unattributed(
        month=month,
        month_url=month.url + "~unattributed/",
        buckets=[with_offer(each, offers, is_open=each.key == opened) for each in buckets],
        place=place,
        tokens=sum(each.tokens for each in found),
        amount=sum((each.amount or ZERO for each in found), ZERO),
        unknown=unknown_targets(this_month(at)),
        all_tokens=tokens_of_all(month.days),
        received=sum_of(of.use for of in there.values()).received,
    )


def _chosen(
    parts: Sequence[Part], params: Mapping[str, str] | None, month: MonthScope, *, at: datetime
) -> tuple[Slice, list[Bucket]]:
    """What is not shown is not looked up, unless its names are searched."""
    asked = params or {}
    size = PAGE_SIZE if params is not None else max(1, len(parts))
    if not (query := query_of(asked)):
        place = slice_of(asked, len(parts), size=size)
        return place, _buckets(parts[place.start : place.stop], month, at=at)
    wanted = [each for each in _buckets(parts, month, at=at) if each.matches(query)]
    place = slice_of(asked, len(wanted), size=size)
    return place, wanted[place.start : place.stop]


def _buckets(parts: Sequence[Part], month: MonthScope, *, at: datetime) -> list[Bucket]:
    """In the order of the parts."""
    ids = {part.deployment_id for part in parts}
    rows = SharedDeployment.objects.filter(in_force_at(at), deployment_id__in=ids)
    shared = set(rows.values_list("deployment_id", flat=True))
    deployments = deployments_of(month, ids)
    where = {key: Where(key, deployments.get(key), key in shared) for key in ids}
    return [where[part.deployment_id].bucket(part) for part in parts]


def _costs(costs: Mapping[int, Costs], whole: Decimal) -> dict[int, Decimal | None]:
    """To the cent by deployment, in sum the account's; None where no line of it has a price."""
    cents = cents_of(costs, whole)
    return {key: cents[key] if of.priced else None for key, of in costs.items()}


def _callers(month: MonthScope) -> dict[int, list[tuple[Caller, Unmapped]]]:
    """By deployment, the callers that had no mapping in hours in which it was shared; without those
    that got one since days were last worked out.
    """
    worked_out = JobDone.objects.filter(job=JobDone.Job.ROLL_UP).values("at")
    given = CallerMapping.objects.filter(recorded_at__gt=Subquery(worked_out))
    rows = (
        UnmappedDay.objects.filter(month.days.condition)
        .exclude(caller__in=given.values("caller"))
        .order_by()
        .values_list("deployment_id", "caller_id")
        .annotate(Sum("used_tokens"), Sum("filtered"), Sum("hours"), Sum("logged"))
    )
    uses = [(key, caller, Unmapped(*sums)) for key, caller, *sums in rows if sums[0]]
    callers = Caller.objects.select_related("source").in_bulk([caller for _, caller, _ in uses])
    found: dict[int, list[tuple[Caller, Unmapped]]] = defaultdict(list)
    for key, caller, use in sorted(uses, key=lambda each: (-each[2].tokens, each[1])):
        found[key].append((callers[caller], use))
    return found
