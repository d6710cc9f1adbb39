"""Use against held capacity, and how complete it is: sums of service days."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Any, NamedTuple, Self

from django.db.models import F, Q, Sum

from portal.kernel.received import Received
from showback.models import ServiceDay
from showback.selectors.cents import COSTS, Account, Costs, Days, months_to_date

SUMMED = (
    "prompt_tokens",
    "generated_tokens",
    "cached_tokens_estimated",
    "ok_requests",
    "throttled_requests",
    "other_requests",
    "spilled_requests",
    "throttled_minutes",
    "minutes_received",
    "minutes_expected",
)


LISTED = (
    "prompt_tokens",
    "generated_tokens",
    "minutes_received",
    "minutes_expected",
    "capacity_tokens",
    "held_capacity_tokens",
)


@dataclass(frozen=True)
class UseTotals:
    """`used_of_held` compares tokens with what the held units could have served, where known."""

    prompt_tokens: int = 0
    generated_tokens: int = 0
    cached_tokens_estimated: int = 0
    ok_requests: int = 0
    throttled_requests: int = 0
    other_requests: int = 0
    spilled_requests: int = 0
    throttled_minutes: int = 0
    minutes_received: int = 0
    minutes_expected: int = 0
    capacity_tokens: int = 0
    held_capacity_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.generated_tokens

    @property
    def received(self) -> Received:
        return Received(self.minutes_received, self.minutes_expected)

    @property
    def used_of_held(self) -> Decimal | None:
        return _share(self.capacity_tokens, self.held_capacity_tokens)


_COUNTS = attrgetter(*UseTotals.__dataclass_fields__)


def use_by(field: str, condition: Q) -> dict[Any, UseTotals]:
    """By a field of ServiceDay, such as `service_id`, `day`."""
    known = Q(held_capacity_tokens__isnull=False)
    rows = (
        ServiceDay.objects.filter(condition)
        .values(field)
        .annotate(
            **{f"total_{name}": Sum(name) for name in SUMMED},
            # Only where both are known do they compare.
            total_capacity_tokens=Sum("capacity_tokens", filter=known),
            total_held_capacity_tokens=Sum("held_capacity_tokens"),
        )
        .order_by()
    )
    return {row.pop(field): _totals(row) for row in rows}


class ToDate(NamedTuple):
    """What a month came to, as far as it is given: `sums` of the columns of COSTS and LISTED. Of
    use, what a list shows and no more: requests and refusals are left out.

    Hundreds are compared and added up where some are shown: those alone are made `costs` and `use`.
    """

    sums: Sequence[Any] = (*Costs(), *(0 for _ in LISTED))

    @property
    def costs(self) -> Costs:
        return Costs(*self.sums[: len(COSTS)])

    @property
    def use(self) -> UseTotals:
        return UseTotals(**dict(zip(LISTED, self.sums[len(COSTS) :], strict=True)))

    @classmethod
    def together(cls, parts: Iterable[Self]) -> Self:
        columns = zip(*(part.sums for part in parts), strict=True)
        return cls(found) if (found := [*map(sum, columns)]) else cls()


def accounts_in(month: Days) -> dict[Account, ToDate]:
    rows = months_to_date(month).filter(is_whole=True)
    found = rows.values_list("kind", "team_id", *COSTS, *LISTED)
    return {Account(kind, team_id or 0): ToDate(sums) for kind, team_id, *sums in found}


def members_in(account: Account, month: Days) -> dict[int, ToDate]:
    """By service, or by deployment for the platform's own."""
    rows = months_to_date(month).filter(account.to_date)
    found = rows.values_list(account.member_field, *COSTS, *LISTED)
    return {key: ToDate(sums) for key, *sums in found}


def tokens_of_all(month: Days) -> int:
    """Of the whole organisation, of a month as far as it is given."""
    rows = months_to_date(month).filter(is_whole=True)
    used = rows.aggregate(tokens=Sum(F("prompt_tokens") + F("generated_tokens"), default=0))
    return int(used["tokens"])


def sum_of(totals: Iterable[UseTotals]) -> UseTotals:
    columns = zip(*map(_COUNTS, totals), strict=True)
    return UseTotals(*map(sum, columns))


def condition_of(days: Days, account: Account, member: int | None = None) -> Q:
    """The use behind an account's lines; capacity that is unallocated has none."""
    if account.kind == "team":
        wanted = Q(team_id=account.team_id)
        return days.condition & (wanted if member is None else wanted & Q(service_id=member))
    if account.kind == "unattributed":
        wanted = Q(service__isnull=True)
        return days.condition & (wanted if member is None else wanted & Q(deployment_id=member))
    return Q(pk__in=[])


def _totals(row: dict[str, Any]) -> UseTotals:
    return UseTotals(**{name.removeprefix("total_"): value or 0 for name, value in row.items()})


def _share(part: int, whole: int) -> Decimal | None:
    return Decimal(part) / Decimal(whole) if whole else None
