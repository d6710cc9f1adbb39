"""What a sync found that nobody asked Headroom for: a deployment that is gone though the ledger
holds for it, another version of a model, another limit of a pool. An edited capacity is a change of
its own.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from quotas.models.inventory import Deployment, Pool
from quotas.querysets import FindingQuerySet


class Finding(models.Model):
    """Open until somebody adopts it or Azure shows again what was there. Of a deployment, or, where
    the limit moved, of a pool.

    `was` and `now` are versions, or limits in units; of a deleted deployment its name, and that of
    the one that seems to have taken its place ("" where there is none).
    """

    class Kind(models.TextChoices):
        DELETED = "deleted", "Deleted"
        VERSION = "version", "Model version"
        LIMIT = "limit", "Limit of a pool"

    class How(models.TextChoices):
        ADOPTED = "adopted", "Adopted"
        REVERTED = "reverted", "As it was again"

    deployment = models.ForeignKey(
        Deployment, null=True, on_delete=models.PROTECT, related_name="findings"
    )
    pool = models.ForeignKey(Pool, null=True, on_delete=models.PROTECT, related_name="findings")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    was = models.CharField(max_length=80)
    now = models.CharField(max_length=80, blank=True)
    found_at = models.DateTimeField()
    snoozed_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    how = models.CharField(max_length=10, choices=How.choices, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    answer_reason = models.CharField(max_length=200, blank=True)

    objects = FindingQuerySet.as_manager()

    class Meta:
        ordering = ["-found_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "kind"],
                condition=Q(ended_at__isnull=True),
                name="one_open_finding_of_a_kind",
            ),
            models.UniqueConstraint(
                fields=["pool"],
                condition=Q(ended_at__isnull=True),
                name="one_open_finding_of_a_limit",
            ),
            models.CheckConstraint(
                condition=Q(kind="limit", pool__isnull=False, deployment__isnull=True)
                | (~Q(kind="limit") & Q(pool__isnull=True, deployment__isnull=False)),
                name="finding_of_a_deployment_or_a_limit",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, how="")
                | (Q(ended_at__isnull=False) & ~Q(how="")),
                name="finding_ended_somehow",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.deployment or self.pool}: {self.get_kind_display().lower()}"

    @property
    def its_pool(self) -> Pool | None:
        """The pool that it is of, or that feeds its deployment."""
        return self.deployment.pool if self.deployment else self.pool

    @property
    def subject(self) -> str:
        """As the audit names it."""
        return f"deployment/{self.deployment_id}" if self.deployment_id else f"pool/{self.pool_id}"
