"""Shared deployments: since when one is called by several services, and the rule that divides it.

Windows are half-open and in whole hours: what is in force when an hour begins holds for that hour.
"""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Q

from portal.kernel.windows import Window
from showback.models.costs import TstzRange


class Dated(models.Model):
    """Holds over `[effective_from, effective_until)`."""

    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        abstract = True

    @property
    def window(self) -> Window:
        return Window(self.effective_from, self.effective_until)


def not_empty(name: str) -> models.CheckConstraint:
    return models.CheckConstraint(
        condition=Q(effective_from__lt=F("effective_until")), name=f"{name}_window_not_empty"
    )


def one_at_a_time(name: str, *fields: str) -> ExclusionConstraint:
    """No two windows of equal fields overlap. At the minute one ends, the next may begin."""
    return ExclusionConstraint(
        name=f"one_{name}_at_a_time",
        expressions=[
            *((field, RangeOperators.EQUAL) for field in fields),
            (TstzRange("effective_from", "effective_until"), RangeOperators.OVERLAPS),
        ],
    )


class SharedDeployment(Dated):
    """A deployment that several services call, as long as the window lasts."""

    deployment = models.ForeignKey("quotas.Deployment", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "showback_shared_deployment"
        ordering = ["deployment_id", "effective_from"]
        constraints = [
            not_empty("shared_deployment"),
            one_at_a_time("shared_deployment", "deployment"),
        ]

    def __str__(self) -> str:
        return f"deployment {self.deployment_id} shared from {self.effective_from:%Y-%m-%d %H:%M}"


class SplitRule(Dated):
    """How a shared deployment is divided where no gateway counted.

    The database lets no transaction end in which the shares do not sum to 10,000 basis points.
    """

    deployment = models.ForeignKey("quotas.Deployment", on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "showback_split_rule"
        ordering = ["deployment_id", "effective_from"]
        constraints = [not_empty("split_rule"), one_at_a_time("split_rule", "deployment")]

    def __str__(self) -> str:
        return f"split of deployment {self.deployment_id} from {self.effective_from:%Y-%m-%d %H:%M}"


class SplitShare(models.Model):
    rule = models.ForeignKey(SplitRule, on_delete=models.CASCADE, related_name="shares")
    service = models.ForeignKey("quotas.Service", on_delete=models.PROTECT, related_name="+")
    basis_points = models.PositiveIntegerField()

    class Meta:
        db_table = "showback_split_share"
        ordering = ["-basis_points", "service_id"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "service"], name="one_share_per_service"),
            models.CheckConstraint(
                condition=Q(basis_points__gt=0, basis_points__lte=10_000),
                name="share_within_the_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.basis_points / 100:g} % to service {self.service_id}"
