"""What became of a burst that is over, kept as it was told."""

from django.db import models

from quotas.models.requests import CapacityRequest


class BurstReport(models.Model):
    """Written once, when the last minutes of the burst are in, and never edited.

    `facts` is JSON as `quotas.services.burst_reports.as_json` writes it: what was used, saved and
    paid, with null for what is not known. It outlives the minutes that it was made of.
    """

    request = models.OneToOneField(
        CapacityRequest, on_delete=models.PROTECT, related_name="burst_report"
    )
    made_at = models.DateTimeField()
    facts = models.JSONField()

    def __str__(self) -> str:
        return f"report on #{self.request_id}"
