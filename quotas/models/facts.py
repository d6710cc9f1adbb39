"""What was known of a service before and after a change: kept here, as the audit holds no words."""

from django.conf import settings
from django.db import models

from quotas.models.catalogue import Service


class FactsChange(models.Model):
    """One change, never altered or deleted; its audit row names it. `before` and `after` are by
    field, of the facts that changed alone.
    """

    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="facts_changes")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField()
    before = models.JSONField()
    after = models.JSONField()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{', '.join(self.after)} of {self.service}"
