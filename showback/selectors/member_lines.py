"""The cost lines of one member, and their cents."""

from decimal import Decimal

from django.db.models import Q

from portal.kernel.money import ZERO, split_to_cents
from showback.models import CostLine
from showback.selectors.cents import Column, Days, lines_of
from showback.selectors.scope import MemberScope

# Columns of the service page, in this order; lines of a day follow it too.
COLUMNS: dict[Column, str] = {
    ("tokens", "input"): "Input",
    ("tokens", "cached_input"): "Cached input",
    ("tokens", "output"): "Output",
    ("ptu_used", "ptu_hour"): "Provisioned, used",
    ("ptu_idle", "ptu_hour"): "Provisioned, idle",
    ("unallocated", "ptu_hour"): "Held by nobody",
}
ORDER = list(COLUMNS)


def lines_of_member(member: MemberScope, days: Days) -> list[CostLine]:
    """With their prices, always in the same order: ties of the rounding go to the earlier one."""
    rows = lines_of(days, member.of.account, member.id).select_related("price")
    return sorted(rows, key=_place)


def _place(line: CostLine) -> tuple[object, ...]:
    column = ORDER.index((line.category, line.meter))
    return (line.day, line.deployment_id, column, line.price_id or 0, line.method)


def cents_of_lines(lines: list[CostLine], whole: Decimal) -> list[Decimal]:
    """Of one day's lines; they sum to the day's cents."""
    return split_to_cents([line.amount or ZERO for line in lines], whole)


def condition_of_member(member: MemberScope) -> Q:
    """Which cost lines are the member's, whatever the days."""
    return member.of.account.condition & Q(**{member.of.account.member_field: member.id})
