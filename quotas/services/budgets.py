"""Setting a team's monthly budget, from a month on. Months that are over keep what they had."""

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from portal import audit
from portal.models import User
from quotas.models import Team, TeamBudget
from quotas.selectors.budgets import MONTHS_AHEAD, may_set_budgets, month_of, next_months
from quotas.services.refusals import refuse

LARGEST = Decimal(999_999_999_999)


@transaction.atomic
def set_budget(
    team: Team, *, amount: Decimal | None, from_month: date, by: User, at: datetime
) -> None:
    """`amount` a month from then on, whatever was set for later; None: no budget from then on.

    Raises DomainError: other people, a month that is over or far off, no amount of money. Then
    nothing is written.
    """
    if not may_set_budgets(by):
        raise refuse("not_yours", "Only finance and platform owners set budgets.")
    _check_month(from_month, month_of(at))
    _check_amount(amount)
    Team.objects.select_for_update().get(pk=team.pk)
    rows = TeamBudget.objects.filter(team=team)
    rows.filter(from_month__gte=from_month).delete()
    rows.filter(until_month__gt=from_month).update(until_month=from_month)
    if amount is not None:
        TeamBudget.objects.create(
            team=team, amount=amount, from_month=from_month, set_at=at, set_by_id=by.pk
        )
    audit.record(
        "team.budget_set",
        f"team/{team.pk}",
        actor_id=by.pk,
        at=at,
        amount=None if amount is None else str(amount),
        from_month=from_month.isoformat(),
    )


def _check_month(month: date, this: date) -> None:
    if month not in next_months(this, MONTHS_AHEAD + 1):
        raise refuse(
            "month_not_open",
            f"Choose a month from {this:%B %Y} on, at most {MONTHS_AHEAD} ahead; what is over "
            "keeps the budget that it had.",
        )


def _check_amount(amount: Decimal | None) -> None:
    if amount is None:
        return
    if not amount.is_finite() or not 0 <= amount <= LARGEST or amount != round(amount, 2):
        raise refuse("amount_invalid", "Give an amount of money with two decimals at most.")
