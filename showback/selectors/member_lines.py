"""The cost lines of one member, and their cents."""

from collections.abc import Mapping
from decimal import Decimal

from django.db.models import Q

from portal.kernel.money import ZERO, split_to_cents
from showback.models import CostLine
from showback.selectors.cents import Column, Days, lines_of
from showback.selectors.scope import MemberScope

ORDER = ("day", "deployment_id", "category", "meter", "price_id", "method")


def lines_of_member(member: MemberScope, days: Days) -> list[CostLine]:
    """With their prices, always in the same order: ties of the rounding go to the earlier one."""
    rows = lines_of(days, member.of.account, member.id).select_related("price")
    return list(rows.order_by(*ORDER))


def cents_of_lines(lines: list[CostLine], wholes: Mapping[Column, Decimal]) -> list[Decimal]:
    """Of one day's lines, such that those of each column sum to its whole."""
    cents = [ZERO] * len(lines)
    for column, whole in wholes.items():
        own = [i for i, line in enumerate(lines) if (line.category, line.meter) == column]
        parts = split_to_cents([lines[i].amount or ZERO for i in own], whole)
        for i, part in zip(own, parts, strict=True):
            cents[i] = part
    return cents


def condition_of_member(member: MemberScope) -> Q:
    """Which cost lines are the member's, whatever the days."""
    return member.of.account.condition & Q(**{member.of.account.member_field: member.id})
