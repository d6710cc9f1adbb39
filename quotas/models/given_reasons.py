"""Why somebody answered an edit or a finding as they did, decided on limits in a gateway, or took a
deployment from its service: kept, as the audit holds no words.
"""

from functools import reduce
from operator import or_

from django.conf import settings
from django.db import models
from django.db.models import Q

from quotas.models.findings import Finding
from quotas.models.gateway_product import GatewayProduct
from quotas.models.inventory import Deployment
from quotas.models.plan import Change

ANSWERED = ("change", "finding", "gateway_product", "deployment")


def _of(answered: str) -> Q:
    """Of this, and of nothing else."""
    others = {f"{name}__isnull": True for name in ANSWERED if name != answered}
    return Q(**{f"{answered}__isnull": False}, **others)


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
    deployment = models.ForeignKey(
        Deployment, null=True, on_delete=models.PROTECT, related_name="reasons"
    )  # one that was unmapped
    given_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    given_at = models.DateTimeField()
    reason = models.CharField(max_length=200)

    class Meta:
        ordering = ["-given_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=reduce(or_, (_of(name) for name in ANSWERED)),
                name="reason_of_one_thing",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="reason_has_words"),
        ]

    def __str__(self) -> str:
        return self.reason
