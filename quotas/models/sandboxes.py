"""Sandboxes: few units of a pool, held by one named person for an experiment, for a time."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from quotas.models.catalogue import Service
from quotas.models.inventory import Deployment, Pool
from quotas.querysets import SandboxQuerySet


class Sandbox(models.Model):
    """What `person` holds of `pool` over `[starts_at, ends_at)`, on a deployment that is open for
    sandboxes, as a service of its own: so the ledger, the calendar and showback know it.

    `ends_at` moves when it is kept for longer. `ended_at` is written once it is over.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="sandboxes"
    )
    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="sandboxes")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="sandboxes")
    service = models.OneToOneField(Service, on_delete=models.PROTECT, related_name="sandbox")
    units = models.PositiveIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = SandboxQuerySet.as_manager()

    class Meta:
        ordering = ["-starts_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="sandbox_window_not_empty"
            ),
            models.UniqueConstraint(
                fields=["person", "pool"],
                condition=Q(ended_at__isnull=True),
                name="one_sandbox_per_person_and_pool",
            ),
        ]
        indexes = [
            models.Index(
                fields=["ends_at"], condition=Q(ended_at__isnull=True), name="sandboxes_by_end"
            )
        ]

    def __str__(self) -> str:
        return str(self.service)
