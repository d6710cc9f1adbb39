"""Policy as data: numbered versions, never edited once published."""

from django.db import models


class PolicyVersion(models.Model):
    number = models.PositiveIntegerField(unique=True)
    limits = models.JSONField()  # the fields of quotas.domain.policy.PolicyLimits
    published_at = models.DateTimeField()
    published_by_id = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-number"]

    def __str__(self) -> str:
        return f"policy v{self.number}"
