"""Months up to each of their days: so that a page about a month reads one row for each team, or for
each service of a team, however many days of it there are.
"""

from django.db import models
from django.db.models import Q


class MonthToDate(models.Model):
    """What the cost lines and service days of a month add up to, from its first day to `day`.

    Of a team by service, of the platform's own accounts by deployment; and `is_whole`, all of an
    account. Every day that has lines or use has a row for each that had any up to then, also where
    that day brought it nothing. `amount` is of the lines that have a price, `idle` of those of them
    that are idle provisioned capacity; `priced` and `unpriced` count lines: both are nought where
    there was use alone. `capacity_tokens` only where `held_capacity_tokens` is known, so that the
    two compare.
    """

    class Kind(models.TextChoices):
        TEAM = "team", "A team's"
        UNALLOCATED = "unallocated", "Provisioned capacity that nobody held"
        UNATTRIBUTED = "unattributed", "Use that is nobody's"

    day = models.DateField()
    is_whole = models.BooleanField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    # Rows are read by the day alone, whose index is the unique one below.
    team = models.ForeignKey(
        "quotas.Team", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    service = models.ForeignKey(
        "quotas.Service", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    deployment = models.ForeignKey(
        "quotas.Deployment", null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    amount = models.DecimalField(max_digits=36, decimal_places=12)
    idle = models.DecimalField(max_digits=36, decimal_places=12)
    priced = models.IntegerField()
    unpriced = models.IntegerField()
    prompt_tokens = models.BigIntegerField()
    generated_tokens = models.BigIntegerField()
    minutes_received = models.IntegerField()
    minutes_expected = models.IntegerField()
    capacity_tokens = models.BigIntegerField()
    held_capacity_tokens = models.BigIntegerField()

    class Meta:
        db_table = "showback_month_to_date"
        ordering = ["day", "-is_whole", "kind", "team_id", "service_id", "deployment_id"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "is_whole", "kind", "team", "service", "deployment"],
                nulls_distinct=False,
                name="one_month_to_date",
            ),
            models.CheckConstraint(
                condition=Q(kind="team", team__isnull=False)
                | Q(kind__in=["unallocated", "unattributed"], team__isnull=True),
                name="month_to_date_of_a_team_or_the_platform",
            ),
            models.CheckConstraint(
                condition=Q(is_whole=True, service__isnull=True, deployment__isnull=True)
                | Q(is_whole=False, kind="team", service__isnull=False, deployment__isnull=True)
                | Q(is_whole=False, team__isnull=True, service__isnull=True)
                & Q(deployment__isnull=False),
                name="month_to_date_of_one_or_of_the_whole",
            ),
            models.CheckConstraint(
                condition=Q(priced__gt=0) | Q(amount=0, idle=0), name="no_amount_without_a_price"
            ),
        ]

    def __str__(self) -> str:
        whose = f"service {self.service_id}" if self.service_id else f"{self.kind}"
        return f"{whose}, month to {self.day}: {self.amount}"
