"""Use of the running month that is nobody's, in buckets that can each be given to a service.

Buckets of a deployment sum to its unattributed tokens and cents, as showback lists them. Where a
gateway counted more than Azure they are scaled down, and the cost of a bucket is its share by
tokens: an estimate inside an exact sum.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, Sum

from portal.kernel.money import ZERO
from portal.kernel.received import Received
from portal.kernel.slices import SIZE, Slice, query_of, slice_of
from quotas.selectors.metering import ServiceName, service_names
from showback.models import ServiceDay, SharedDeployment
from showback.querysets import in_force_at
from showback.selectors.buckets import Bucket, Offers, Where
from showback.selectors.caller_rows import (
    UNMAPPED,
    WHILE_SHARED,
    CallerRow,
    CallerUse,
    caller_rows,
    caller_uses,
)
from showback.selectors.cents import UNATTRIBUTED, lines_of, member_cents
from showback.selectors.scope import (
    MonthScope,
    deployments_of,
    month_scope,
    running_month,
)
from showback.selectors.shared_pages import UnknownTarget, this_month, unknown_targets


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
    used = _used(month)
    names, deployments = service_names(), deployments_of(month)
    costs = member_cents(month.days, UNATTRIBUTED)
    priced = _priced(month)
    shared = set(
        SharedDeployment.objects.filter(in_force_at(at)).values_list("deployment_id", flat=True)
    )
    callers = _callers(names, at=at)
    found: list[Bucket] = []
    for key, tokens in used.items():
        cents = costs.get(key, ZERO) if key in priced or not tokens else None
        where = Where(key, deployments.get(key), key in shared, tokens, cents)
        found += where.buckets(callers.get(key, []))
    is_nobodys = Q(service__isnull=True)
    whole = ServiceDay.objects.filter(month.days.condition).aggregate(
        tokens=Sum(F("prompt_tokens") + F("generated_tokens")),
        received=Sum("minutes_received", filter=is_nobodys, default=0),
        due=Sum("minutes_expected", filter=is_nobodys, default=0),
    )
    found.sort(key=lambda b: (-(b.amount or ZERO), -b.tokens, b.key))
    wanted = [each for each in found if each.matches(query_of(params or {}))]
    size = SIZE if params is not None else max(1, len(found))
    place = slice_of(params or {}, len(wanted), size=size)
    offers, opened = Offers(names), (params or {}).get("all", "")
    return Unattributed(
        month=month,
        month_url=month.url + "~unattributed/",
        buckets=[
            offers.on(each, is_open=each.key == opened) for each in wanted[place.start : place.stop]
        ],
        place=place,
        tokens=sum(each.tokens for each in found),
        amount=sum((each.amount or ZERO for each in found), ZERO),
        unknown=unknown_targets(this_month(at)),
        all_tokens=whole["tokens"] or 0,
        received=Received(whole["received"], whole["due"]),
    )


def _used(month: MonthScope) -> dict[int, int]:
    """Unattributed tokens by deployment."""
    rows = (
        ServiceDay.objects.filter(month.days.condition, service__isnull=True)
        .order_by()
        .values("deployment_id")
        .annotate(tokens=Sum(F("prompt_tokens") + F("generated_tokens")))
    )
    return {row["deployment_id"]: row["tokens"] for row in rows if row["tokens"]}


def _priced(month: MonthScope) -> set[int]:
    rows = lines_of(month.days, UNATTRIBUTED).filter(price__isnull=False).order_by()
    return set(rows.values_list("deployment_id", flat=True).distinct())


def _callers(names: dict[int, ServiceName], *, at: datetime) -> dict[int, list[CallerRow]]:
    """By deployment, the callers without a mapping in the hours in which it was shared."""
    uses: list[CallerUse] = caller_uses(this_month(at), UNMAPPED, WHILE_SHARED)
    found: dict[int, list[CallerRow]] = defaultdict(list)
    for row in caller_rows([use for use in uses if use.tokens], names, at=at):
        found[row.use.deployment_id].append(row)
    return found
