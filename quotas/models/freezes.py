"""A freeze: a dated time in which nothing starts or moves in a pool, or in any of them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from portal.kernel.windows import Window
from quotas.models.inventory import Pool
from quotas.querysets import FreezeQuerySet


class Freeze(models.Model):
    """Over `[effective_from, effective_until)`, of one pool, or of all where `pool` is None.

    Freezes may overlap. Ended early, it is over at `ended_at`; ended before it began, it never was.
    Nothing else of it changes, and none is deleted.
    """

    pool = models.ForeignKey(
        Pool, null=True, blank=True, on_delete=models.PROTECT, related_name="freezes"
    )
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField()
    reason = models.CharField(max_length=200)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = FreezeQuerySet.as_manager()

    class Meta:
        ordering = ["-effective_from", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_from__lt=F("effective_until")),
                name="freeze_window_not_empty",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="freeze_ended_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["effective_until"])]

    def __str__(self) -> str:
        return f"freeze {self.pk}, {self.reason}"

    @property
    def window(self) -> Window | None:
        """While it really holds; None where it was ended before it began."""
        end = min(self.effective_until, self.ended_at or self.effective_until)
        return Window(self.effective_from, end) if end > self.effective_from else None
