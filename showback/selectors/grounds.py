"""How figures of use are known: which metrics counted, by what they were given, what is estimated.

Azure Monitor counts requests, and tokens of all requests together. Tokens that were cached, spilled
or served in tier priority it does not count: they are estimates, each with its method.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.aggregates import BitOr
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, FloatField, Max, Q, Sum
from django.db.models.functions import Cast, NullIf

from portal.kernel import formatting
from portal.kernel.shown import Shown
from portal.kernel.windows import Window
from showback.models import Attribution, CallerHour, GatewaySource, MetricFamily, UsageHour
from showback.selectors.methods import MethodShare

BY_ACTIVE = "all tokens less Azure’s active tokens"
BY_RATE = "prompt tokens × Azure’s cache match rate"
BY_REQUESTS = "tokens × their share of the answered requests, hour by hour"
FILES = {GatewaySource.Kind.LOGS: "its logs", GatewaySource.Kind.FILE: "imported files"}


@dataclass(frozen=True)
class Estimate:
    """A quantity that Azure does not count. `amount` begins with ≈."""

    name: str
    amount: Shown
    method: str

    @property
    def words(self) -> str:
        return f"{self.amount} tokens: {self.method}"


@dataclass(frozen=True)
class Grounds:
    """`family` "" where nothing was read; `methods` in words, with their share of the tokens."""

    family: str
    methods: list[str]
    estimates: list[Estimate]

    @property
    def summary(self) -> str:
        """`Azure OpenAI metrics; held by one service in that hour`."""
        words = [self.family, *(text[0].lower() + text[1:] for text in self.methods)]
        return "; ".join(text for text in words if text)

    @property
    def facts(self) -> list[tuple[str, str]]:
        facts = [("Counted by", self.family)] if self.family else []
        facts += [("Given to its service", text) for text in self.methods]
        return facts + [(each.name, each.words) for each in self.estimates]


def grounds_of(
    deployment_ids: Collection[int], window: Window, shares: Sequence[MethodShare]
) -> Grounds:
    """Of all use of these deployments in hours that begin in the window.

    `shares` are what the caller knows of the attribution. One query.
    """
    within = Q(hour__gte=window.start, hour__lt=window.end)
    told = {"kinds": _kinds(deployment_ids, within)} if _is_counted(shares) else {}
    sums = UsageHour.objects.filter(within, deployment_id__in=deployment_ids).aggregate(
        family=BitOr("metric_family"),
        cached=Sum("cached_tokens_estimated"),
        by_active=Sum("cached_tokens_estimated", filter=Q(active_tokens__isnull=False)),
        spilled=Sum(_tokens_of("spilled_requests")),
        priority=Sum(_tokens_of("priority_requests")),
        **told,
    )
    family = "" if sums["family"] is None else str(MetricFamily(sums["family"]).label)
    kinds = sums.get("kinds") or []
    sources = " and ".join(words for kind, words in FILES.items() if kind in kinds)
    methods = [_words(share, sources) for share in shares]
    return Grounds(family, methods, _estimates(sums))


def _tokens_of(requests: str) -> Any:
    """Tokens of an hour by the share that these requests are of the answered ones."""
    tokens = Cast(F("prompt_tokens") + F("generated_tokens"), FloatField())
    return tokens * F(requests) / NullIf(F("ok_requests") + F("spilled_requests"), 0)


def _estimates(sums: dict[str, Any]) -> list[Estimate]:
    cached, by_active = sums["cached"] or 0, sums["by_active"] or 0
    ways = [BY_ACTIVE] * bool(by_active) + [BY_RATE] * (by_active < cached)
    rows = (
        ("Cached input", cached, ", else ".join(ways)),
        ("Spilled over from provisioned deployments", sums["spilled"] or 0, BY_REQUESTS),
        ("Served in tier priority", sums["priority"] or 0, BY_REQUESTS),
    )
    return [Estimate(name, _about(tokens), how) for name, tokens, how in rows if tokens]


def _about(tokens: float) -> Shown:
    shown = formatting.tokens(round(tokens))
    return Shown(f"≈ {shown}", exact=f"estimated: {shown.exact}", value=shown.value)


def _is_counted(shares: Sequence[MethodShare]) -> bool:
    return any(share.method == Attribution.GATEWAY for share in shares)


def _kinds(deployment_ids: Collection[int], within: Q) -> Max:
    """Of gateways that counted there. The same beside every hour, so the largest is what it is."""
    rows = CallerHour.objects.filter(within, target__deployment_id__in=deployment_ids).order_by()
    return Max(ArraySubquery(rows.values("target__source__kind").distinct()))


def _words(share: MethodShare, sources: str) -> str:
    """With where a gateway's counts came from: `its logs`, `imported files` or both."""
    is_counted = share.method == Attribution.GATEWAY and sources
    return f"{share.words}, from {sources}" if is_counted else share.words
