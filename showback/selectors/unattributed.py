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
from portal.kernel.slices import Slice, query_of, slice_of
from quotas.selectors.metering import service_names
from showback.models import Caller, ServiceDay, SharedDeployment, TeamUseDay
from showback.querysets import in_force_at
from showback.selectors.buckets import Bucket, Where, with_offer
from showback.selectors.caller_rows import CallerUse, caller_uses, callers_of, unmapped_in
from showback.selectors.cents import UNATTRIBUTED, account_cents, lines_of, to_cents_together
from showback.selectors.offers import Offers
from showback.selectors.scope import (
    MonthScope,
    deployments_of,
    month_scope,
    running_month,
)
from showback.selectors.shared_pages import UnknownTarget, this_month, unknown_targets

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
    used, offers = _used(month), Offers(service_names())
    deployments, costs = deployments_of(month, used), _costs(month)
    shared = set(
        SharedDeployment.objects.filter(in_force_at(at)).values_list("deployment_id", flat=True)
    )
    callers = _callers(at=at)
    found: list[Bucket] = []
    for key, tokens in used.items():
        where = Where(key, deployments.get(key), key in shared, tokens, costs.get(key))
        found += where.buckets(callers.get(key, []))
    whole = _whole(month)
    found.sort(key=lambda b: (-(b.amount or ZERO), -b.tokens, b.key))
    wanted = [each for each in found if each.matches(query_of(params or {}))]
    size = PAGE_SIZE if params is not None else max(1, len(found))
    place = slice_of(params or {}, len(wanted), size=size)
    opened = (params or {}).get("all", "")
    return Unattributed(
        month=month,
        month_url=month.url + "~unattributed/",
        buckets=[
            with_offer(each, offers, is_open=each.key == opened)
            for each in wanted[place.start : place.stop]
        ],
        place=place,
        tokens=sum(each.tokens for each in found),
        amount=sum((each.amount or ZERO for each in found), ZERO),
        unknown=unknown_targets(this_month(at)),
        all_tokens=whole["tokens"],
        received=Received(whole["received"], whole["due"]),
    )


def _whole(month: MonthScope) -> dict[str, int]:
    """Tokens of the organisation; minutes received and due of what is nobody's."""
    nobodys = Q(team__isnull=True)
    return TeamUseDay.objects.filter(month.days.condition).aggregate(
        tokens=Sum(F("prompt_tokens") + F("generated_tokens"), default=0),
        received=Sum("minutes_received", filter=nobodys, default=0),
        due=Sum("minutes_expected", filter=nobodys, default=0),
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


def _costs(month: MonthScope) -> dict[int, Decimal | None]:
    """To the cent by deployment, in sum the account's; None where no line of it has a price."""
    rows = lines_of(month.days, UNATTRIBUTED).order_by().values("deployment_id")
    found = {row["deployment_id"]: row["exact"] for row in rows.annotate(exact=Sum("amount"))}
    whole = account_cents(month.days).get(UNATTRIBUTED, ZERO)
    cents = to_cents_together({key: exact or ZERO for key, exact in found.items()}, whole)
    return {key: None if found[key] is None else cents[key] for key in found}


def _callers(*, at: datetime) -> dict[int, list[tuple[Caller, CallerUse]]]:
    """By deployment, the callers without a mapping in the hours in which it was shared."""
    month = this_month(at)
    uses = [use for use in caller_uses(month, *unmapped_in(month)) if use.tokens]
    callers = callers_of(uses)
    found: dict[int, list[tuple[Caller, CallerUse]]] = defaultdict(list)
    for use in uses:
        found[use.deployment_id].append((callers[use.caller_id], use))
    return found
