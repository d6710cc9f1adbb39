"""Why somebody answered an edit or a finding as they did, or decided on limits in a gateway: kept,
as the audit holds no words.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q

from quotas.models.findings import Finding
from quotas.models.gateway_product import GatewayProduct
from quotas.models.plan import Change


class GivenReason(models.Model):
    """One answer's words, never changed or deleted; its audit row names it. What was answered
    itself keeps those of the last answer only.
    """

    change = models.ForeignKey(Change, null=True, on_delete=models.PROTECT, related_name="reasons")
    finding = models.ForeignKey(
        Finding, null=True, on_delete=models.PROTECT, related_name="reasons"
    )
    gateway_product = models.ForeignKey(
        GatewayProduct, null=True, on_delete=models.PROTECT, related_name="reasons"
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
                condition=Q(change__isnull=False, finding=None, gateway_product=None)
                | Q(finding__isnull=False, change=None, gateway_product=None)
                | Q(gateway_product__isnull=False, change=None, finding=None),
                name="reason_of_one_thing",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="reason_has_words"),
        ]

    def __str__(self) -> str:
        return self.reason
