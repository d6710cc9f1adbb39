"""Use against held capacity, and how complete it is: sums of service days."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q, Sum

from portal.kernel.received import Received
from showback.models import ServiceDay, TeamUseDay
from showback.selectors.cents import Account, Days

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


def use_by_team(days: Days) -> dict[int | None, UseTotals]:
    """By team id, from the sums of whole teams; None: unattributed. What a list shows, and no more:
    requests and refusals are left out.
    """
    names = LISTED
    sums = {f"total_{name}": Sum(name) for name in names}
    rows = TeamUseDay.objects.filter(days.condition).values("team_id").annotate(**sums).order_by()
    return {row.pop("team_id"): _totals(row) for row in rows}


def sum_of(totals: Iterable[UseTotals]) -> UseTotals:
    found = list(totals)
    return UseTotals(
        **{
            name: sum(getattr(total, name) for total in found)
            for name in UseTotals.__dataclass_fields__
        }
    )


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
