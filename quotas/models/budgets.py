"""A team's monthly budget, dated by months of the finance time zone."""

from datetime import date

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from quotas.models.catalogue import Team

NO_END = date(9999, 1, 1)


class DateRange(Func):
    function = "DATERANGE"


class TeamBudget(models.Model):
    """`amount` for each month in `[from_month, until_month)`, in the installation's currency.

    Both are first days. A month that no row holds has no budget, which is not a budget of nought.
    """

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="budgets")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
    from_month = models.DateField()
    until_month = models.DateField(default=NO_END)
    set_at = models.DateTimeField(null=True)
    set_by_id = models.BigIntegerField(null=True)  # None: taken over from before budgets had dates

    class Meta:
        ordering = ["team", "-from_month"]
        constraints = [
            models.CheckConstraint(
                condition=Q(from_month__lt=F("until_month")), name="budget_months_not_empty"
            ),
            models.CheckConstraint(
                condition=Q(from_month__day=1, until_month__day=1), name="budget_of_whole_months"
            ),
            models.CheckConstraint(condition=Q(amount__gte=0), name="budget_not_negative"),
            ExclusionConstraint(
                name="one_budget_at_a_time",
                expressions=[
                    ("team", RangeOperators.EQUAL),
                    (DateRange("from_month", "until_month"), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} a month for {self.team} from {self.from_month:%Y-%m}"
