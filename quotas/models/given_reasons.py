"""Why somebody answered an edit or a finding as they did: kept, as the audit holds no words."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from quotas.models.findings import Finding
from quotas.models.plan import Change


class GivenReason(models.Model):
    """One answer's words, never changed or deleted; its audit row names it. The change or finding
    itself keeps those of the last answer only.
    """

    change = models.ForeignKey(Change, null=True, on_delete=models.PROTECT, related_name="reasons")
    finding = models.ForeignKey(
        Finding, null=True, on_delete=models.PROTECT, related_name="reasons"
    )
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    given_at = models.DateTimeField()
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-given_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(change__isnull=True) ^ Q(finding__isnull=True),
                name="reason_of_one_thing",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="reason_has_words"),
        ]

    def __str__(self) -> str:
        return self.reason
