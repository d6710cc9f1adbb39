"""How it is known whose use it was, in words and shares: what stands behind a number."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import F, Q, QuerySet, Sum

from portal.kernel import formatting
from portal.kernel.windows import Window
from showback.domain.months import day_window
from showback.gateway import finance_zone
from showback.models import Attribution, ServiceHour
from showback.selectors.cents import Account, Days

# Surest first; so they are stacked, listed and coloured.
ORDER = (
    Attribution.GATEWAY,
    Attribution.SPLIT,
    Attribution.HOLDER,
    Attribution.HELD_SHARE,
    Attribution.MAPPING,
    Attribution.NONE,
)


@dataclass(frozen=True)
class MethodShare:
    """`share` is a fraction of the tokens; None where nothing was used."""

    method: str
    tokens: int
    share: float | None

    @property
    def label(self) -> str:
        return str(Attribution(self.method).label)

    @property
    def words(self) -> str:
        """`Divided by the split rule (18 %)`; without the share where it is all, or of nothing."""
        if self.share is None or self.share == 1:
            return self.label
        return f"{self.label} ({formatting.percent(self.share)} of the tokens)"


def hours_of_days(first: date, last: date) -> Q:
    zone = finance_zone()
    return in_window(Window(day_window(first, zone).start, day_window(last, zone).end))


def in_window(window: Window) -> Q:
    return Q(hour__gte=window.start, hour__lt=window.end)


def method_shares(condition: Q) -> list[MethodShare]:
    """Of the hours that the condition leaves; one query."""
    rows = ServiceHour.objects.filter(condition).order_by().values("method")
    sums = rows.annotate(tokens=Sum(F("prompt_tokens") + F("generated_tokens")))
    return shares_of({row["method"]: row["tokens"] for row in sums})


def shares_of(tokens: dict[str, int]) -> list[MethodShare]:
    together = sum(tokens.values())
    return [
        MethodShare(method, tokens[method], tokens[method] / together if together else None)
        for method in ORDER
        if method in tokens and (tokens[method] or not together)
    ]


def words_of(shares: Iterable[MethodShare]) -> list[str]:
    return [share.words for share in shares]


def member_methods(account: Account, member: int, days: Days) -> list[str]:
    """How use was given to a member of an account in these days, in words."""
    if account.kind == "unallocated":
        return []
    mine = (
        Q(service_id=member)
        if account.kind == "team"
        else Q(service__isnull=True, deployment_id=member)
    )
    return words_of(method_shares(mine & hours_of_days(days.first, days.last)))


def tokens_by(condition: Q, *fields: str) -> "QuerySet[ServiceHour, dict[str, object]]":
    """Rows of the fields, method and tokens."""
    rows = ServiceHour.objects.filter(condition).order_by()
    return rows.values(*fields, "method").annotate(
        tokens=Sum(F("prompt_tokens") + F("generated_tokens"))
    )
