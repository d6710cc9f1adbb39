"""Days of whole teams: sums of cost lines and service days, so that the pages of an organisation
read a few rows for each team, however many deployments and services it has.
"""

from django.db import models
from django.db.models import Q

from showback.models.costs import CostLine


class TeamCostDay(models.Model):
    """What the lines of a day add up to, by team and category. Team None: the platform's own.

    `amount` is of the lines that have a price; `priced` and `unpriced` count lines.
    """

    day = models.DateField()
    team = models.ForeignKey("quotas.Team", null=True, on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=12, choices=CostLine.Category.choices)
    amount = models.DecimalField(max_digits=36, decimal_places=12)
    priced = models.IntegerField()
    unpriced = models.IntegerField()

    class Meta:
        db_table = "showback_team_cost_day"
        ordering = ["day", "team_id", "category"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "team", "category"], nulls_distinct=False, name="one_team_cost_day"
            ),
            models.CheckConstraint(
                condition=Q(priced__gt=0) | Q(amount=0), name="no_amount_without_a_price"
            ),
        ]

    def __str__(self) -> str:
        return f"team {self.team_id} on {self.day}, {self.category}: {self.amount}"


class TeamUseDay(models.Model):
    """What the service days of a day add up to. Team None: unattributed.

    `capacity_tokens` only of those whose `held_capacity_tokens` is known: so the two compare.
    """

    day = models.DateField()
    team = models.ForeignKey("quotas.Team", null=True, on_delete=models.PROTECT, related_name="+")
    prompt_tokens = models.BigIntegerField()
    generated_tokens = models.BigIntegerField()
    cached_tokens_estimated = models.BigIntegerField()
    ok_requests = models.BigIntegerField()
    throttled_requests = models.BigIntegerField()
    other_requests = models.BigIntegerField()
    spilled_requests = models.BigIntegerField()
    throttled_minutes = models.BigIntegerField()
    minutes_received = models.BigIntegerField()
    minutes_expected = models.BigIntegerField()
    capacity_tokens = models.BigIntegerField()
    held_capacity_tokens = models.BigIntegerField()

    class Meta:
        db_table = "showback_team_use_day"
        ordering = ["day", "team_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "team"], nulls_distinct=False, name="one_team_use_day"
            )
        ]

    def __str__(self) -> str:
        return f"team {self.team_id} on {self.day}"
