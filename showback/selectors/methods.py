"""How it is known whose use it was, in words and shares: what stands behind a number."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db.models import F, Q, QuerySet, Sum

from portal.kernel import formatting
from portal.kernel.received import Received
from portal.kernel.windows import Window
from showback.domain.months import day_window
from showback.gateway import finance_zone
from showback.models import Attribution, MethodDay, ServiceHour
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
    """`share` is a fraction of the tokens; None where nothing was used.

    `received`: of the minutes of the hours that the tokens are of.
    """

    method: str
    tokens: int
    share: float | None
    received: Received = Received()

    @property
    def label(self) -> str:
        return str(Attribution(self.method).label)

    @property
    def words(self) -> str:
        """`Divided by the split rule (18 %)`; without the share where it is all, or of nothing."""
        if self.share is None or self.share == 1:
            return self.label
        return f"{self.label} ({formatting.percent(self.share)} of the tokens)"


def method_days(condition: Q, *fields: str) -> "QuerySet[MethodDay, dict[str, Any]]":
    """Of whole deployments, from days: rows like those of `tokens_by`."""
    rows = MethodDay.objects.filter(condition).order_by()
    return rows.values(*fields, "method").annotate(
        tokens=Sum("used_tokens"),
        received=Sum("minutes_received"),
        due=Sum("minutes_expected"),
    )


def hours_of_days(first: date, last: date) -> Q:
    zone = finance_zone()
    return in_window(Window(day_window(first, zone).start, day_window(last, zone).end))


def in_window(window: Window) -> Q:
    return Q(hour__gte=window.start, hour__lt=window.end)


def method_shares(condition: Q) -> list[MethodShare]:
    """Of the hours that the condition leaves; one query."""
    return shares_of({row["method"]: used_of(row) for row in tokens_by(condition)})


@dataclass(frozen=True)
class Used:
    tokens: int = 0
    received: Received = Received()

    def __add__(self, other: "Used") -> "Used":
        return Used(self.tokens + other.tokens, self.received + other.received)


def used_of(row: Mapping[str, Any]) -> Used:
    """Of a row of `tokens_by`."""
    return Used(row["tokens"], Received(row["received"], row["due"]))


def shares_of(used: Mapping[str, Used]) -> list[MethodShare]:
    together = sum(each.tokens for each in used.values())
    return [
        MethodShare(
            method,
            used[method].tokens,
            used[method].tokens / together if together else None,
            used[method].received,
        )
        for method in ORDER
        if method in used and (used[method].tokens or not together)
    ]


def received_of(shares: Iterable[MethodShare]) -> Received:
    return sum((share.received for share in shares), Received())


def words_of(shares: Iterable[MethodShare]) -> list[str]:
    return [share.words for share in shares]


def member_methods(account: Account, member: int, days: Days) -> list[str]:
    """How use was given to a member of an account in these days, in words."""
    return words_of(member_shares(account, member, days))


def member_shares(account: Account, member: int, days: Days) -> list[MethodShare]:
    if account.kind == "unallocated":
        return []
    mine = (
        Q(service_id=member)
        if account.kind == "team"
        else Q(service__isnull=True, deployment_id=member)
    )
    return method_shares(mine & hours_of_days(days.first, days.last))


def tokens_by(condition: Q, *fields: str, **told: Q) -> "QuerySet[ServiceHour, dict[str, Any]]":
    """Rows of the fields, of what is `told` by name (whether a condition holds), method, tokens,
    and minutes received and due of those hours.
    """
    rows = ServiceHour.objects.filter(condition).order_by()
    return rows.values(*fields, "method", **told).annotate(
        tokens=Sum(F("prompt_tokens") + F("generated_tokens")),
        received=Sum("minutes_received"),
        due=Sum("minutes_expected"),
    )
