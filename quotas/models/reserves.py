"""How the protected reserve of a pool was set: a row for each time, kept for ever."""

from django.conf import settings
from django.db import models

from quotas.models.inventory import Pool


class PoolReserve(models.Model):
    """From `set_at` on, until the next row, `units` of the pool are kept back from normal entries.

    `was_units` is what was kept back before it, so the first row tells what stood before any.
    """

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="reserves")
    units = models.PositiveIntegerField()
    was_units = models.PositiveIntegerField()
    reason = models.CharField(max_length=200)
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )  # None: taken over from the pools that it succeeded

    class Meta:
        ordering = ["-set_at", "-id"]
        indexes = [models.Index(fields=["pool", "-set_at"])]

    def __str__(self) -> str:
        return f"{self.units} from {self.set_at:%Y-%m-%d %H:%M}"
