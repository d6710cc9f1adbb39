"""The cost lines of one member, and their cents."""

from decimal import Decimal

from django.db.models import Q

from portal.kernel.money import ZERO, split_to_cents
from showback.models import CostLine
from showback.selectors.cents import Days, lines_of
from showback.selectors.scope import MemberScope

ORDER = ("day", "deployment_id", "category", "meter", "price_id", "method")


def lines_of_member(member: MemberScope, days: Days) -> list[CostLine]:
    """With their prices, always in the same order: ties of the rounding go to the earlier one."""
    rows = lines_of(days, member.of.account, member.id).select_related("price")
    return list(rows.order_by(*ORDER))


def cents_of_lines(lines: list[CostLine], whole: Decimal) -> list[Decimal]:
    return split_to_cents([line.amount or ZERO for line in lines], whole)


def condition_of_member(member: MemberScope) -> Q:
    """Which cost lines are the member's, whatever the days."""
    return member.of.account.condition & Q(**{member.of.account.member_field: member.id})
