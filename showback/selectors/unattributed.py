"""Use of the running month that is nobody's, in buckets that can each be given to a service.

Buckets of a deployment sum to its unattributed tokens and cents, as showback lists them. Where a
gateway counted more than Azure they are scaled down, and the cost of a bucket is its share by
tokens: an estimate inside an exact sum.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, Sum

from portal.kernel import formatting
from portal.kernel.money import CENT, ZERO
from portal.kernel.received import Received
from portal.kernel.shown import Shown
from quotas.selectors.metering import MeteredDeployment, ServiceName, service_names
from showback.domain.split import split_whole
from showback.domain.suggestions import Suggestion, suggest
from showback.models import ServiceDay, SharedDeployment
from showback.querysets import in_force_at
from showback.selectors.caller_rows import (
    UNMAPPED,
    WHILE_SHARED,
    CallerRow,
    CallerUse,
    caller_rows,
    caller_uses,
    named_services,
)
from showback.selectors.cents import UNATTRIBUTED, lines_of, member_cents
from showback.selectors.cost_rows import money_cents
from showback.selectors.scope import (
    MonthScope,
    deployments_of,
    label_of,
    month_scope,
    running_month,
)
from showback.selectors.shared_pages import UnknownTarget, this_month, unknown_targets

# Above this a proposal is worded as likely, below as possible.
LIKELY = 0.8


@dataclass(frozen=True)
class Bucket:
    """`kind`: deployment (nobody mapped it), caller (of a shared one), or rest (past the gateway).

    `amount` None: nothing of it has a price. `key` is what an action names it by.
    """

    kind: str
    key: str
    name: str
    deployment: str
    deployment_id: int
    detail: str
    tokens: int
    amount: Decimal | None
    filtered: Shown | None
    suggested: Suggestion | None
    suggested_name: str

    @property
    def tokens_shown(self) -> Shown:
        return formatting.tokens(self.tokens)

    @property
    def cost(self) -> Shown:
        if self.amount is None:
            return Shown("unpriced", exact="no price is known for any of it", value="unpriced")
        return money_cents(self.amount)

    @property
    def confidence(self) -> str:
        """`likely, names 92 % alike`, or the tag that says so."""
        if self.suggested is None:
            return ""
        word = "likely" if self.suggested.confidence >= LIKELY else "possible"
        return f"{word}, {self.suggested.reason}"

    @property
    def accepts(self) -> str:
        """What a form sends to accept the proposal exactly as it is shown."""
        return f"{self.key}:{self.suggested.service_id}" if self.suggested else ""


@dataclass(frozen=True)
class Unattributed:
    """`tokens` and `amount` of all buckets; `all_tokens` of the whole organisation."""

    month: MonthScope
    month_url: str
    buckets: list[Bucket]
    unknown: list[UnknownTarget]
    services: list[tuple[int, str]]
    all_tokens: int
    received: Received

    @property
    def tokens(self) -> int:
        return sum(bucket.tokens for bucket in self.buckets)

    @property
    def amount(self) -> Decimal:
        return sum((bucket.amount or ZERO for bucket in self.buckets), ZERO)

    @property
    def share(self) -> float | None:
        return self.tokens / self.all_tokens if self.all_tokens else None

    @property
    def proposals(self) -> list[Bucket]:
        return [bucket for bucket in self.buckets if bucket.suggested]


def unattributed(*, at: datetime) -> Unattributed:
    """Dearest first. For organisation-wide roles: it is of no team."""
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
        where = _Where(key, deployments.get(key), key in shared, tokens, cents)
        found += where.buckets(callers.get(key, []), names)
    is_nobodys = Q(service__isnull=True)
    whole = ServiceDay.objects.filter(month.days.condition).aggregate(
        tokens=Sum(F("prompt_tokens") + F("generated_tokens")),
        received=Sum("minutes_received", filter=is_nobodys, default=0),
        due=Sum("minutes_expected", filter=is_nobodys, default=0),
    )
    return Unattributed(
        month=month,
        month_url=month.url + "~unattributed/",
        buckets=sorted(found, key=lambda b: (-(b.amount or ZERO), -b.tokens, b.key)),
        unknown=unknown_targets(this_month(at)),
        services=sorted(
            ((n.id, f"{n.name} ({n.team_name})") for n in names.values()), key=lambda pair: pair[1]
        ),
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


@dataclass(frozen=True)
class _Where:
    """One deployment, its unattributed tokens, and their cost to the cent (None: unpriced)."""

    id: int
    deployment: MeteredDeployment | None
    is_shared: bool
    tokens: int
    cents: Decimal | None

    def buckets(self, callers: list[CallerRow], names: dict[int, ServiceName]) -> list[Bucket]:
        counted = [row.use.tokens for row in callers]
        if sum(counted) > self.tokens:
            parts = [*split_whole(self.tokens, counted), 0]
        else:
            parts = [*counted, self.tokens - sum(counted)]
        amounts = self._amounts(parts)
        found = [
            self._of_caller(row, tokens, amount, names)
            for row, tokens, amount in zip(callers, parts, amounts, strict=False)
        ]
        if parts[-1]:
            found.append(self._rest(parts[-1], amounts[-1], names))
        return found

    def _amounts(self, parts: list[int]) -> list[Decimal | None]:
        if self.cents is None:
            return [None] * len(parts)
        return [n * CENT for n in split_whole(int(self.cents / CENT), parts)]

    def _of_caller(
        self, row: CallerRow, tokens: int, amount: Decimal | None, names: dict[int, ServiceName]
    ) -> Bucket:
        product = f" of product {row.product}" if row.product else ""
        return Bucket(
            kind="caller",
            key=f"caller:{row.id}",
            name=row.name,
            deployment=label_of(self.deployment),
            deployment_id=self.id,
            detail=f"{row.kind}{product}, {row.source}",
            tokens=tokens,
            amount=amount,
            filtered=row.use.filtered_words,
            suggested=row.suggested,
            suggested_name=_name(row.suggested, names),
        )

    def _rest(self, tokens: int, amount: Decimal | None, names: dict[int, ServiceName]) -> Bucket:
        """What has no caller: of a dedicated deployment all of it."""
        suggested = None if self.is_shared else self._suggestion(names)
        mapped = self.deployment is not None and self.deployment.service_id is not None
        kind = "rest" if self.is_shared or mapped or self.deployment is None else "deployment"
        return Bucket(
            kind=kind,
            key=f"deployment:{self.id}",
            name=label_of(self.deployment),
            deployment=label_of(self.deployment),
            deployment_id=self.id,
            detail="Not seen by the gateway, and no split rule holds"
            if self.is_shared
            else "Belongs to no service",
            tokens=tokens,
            amount=amount,
            filtered=None,
            suggested=suggested if kind == "deployment" else None,
            suggested_name=_name(suggested, names),
        )

    def _suggestion(self, names: dict[int, ServiceName]) -> Suggestion | None:
        if self.deployment is None or self.deployment.gone_at is not None:
            return None
        account = self.deployment.account_key.rpartition("/")[2]
        tags = self.deployment.tags
        return suggest(self.deployment.name, account, named_services(names), tags)


def _name(suggested: Suggestion | None, names: dict[int, ServiceName]) -> str:
    return names[suggested.service_id].name if suggested else ""
