"""The global kill switch: while it is on, nothing is written to Azure, in any pool."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from quotas.querysets import KillSwitchQuerySet


class KillSwitch(models.Model):
    """One time that it was thrown: by whom, when and why; and the same of turning it off again.

    At most one is on. None is deleted, and one that is off stays so.
    """

    is_on = models.BooleanField(default=True)
    turned_on_at = models.DateTimeField()
    turned_on_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="kill_switches_thrown"
    )
    reason = models.CharField(max_length=200)
    turned_off_at = models.DateTimeField(null=True)
    turned_off_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    reason_to_go_on = models.CharField(max_length=200, blank=True)

    objects = KillSwitchQuerySet.as_manager()

    class Meta:
        ordering = ["-turned_on_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["is_on"], condition=Q(is_on=True), name="one_kill_switch_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(is_on=True, turned_off_at__isnull=True, turned_off_by__isnull=True)
                | Q(is_on=False, turned_off_at__isnull=False, turned_off_by__isnull=False),
                name="kill_switch_turned_off_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"kill switch {self.pk}, {self.reason}"
