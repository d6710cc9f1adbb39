"""Where the limits of the services that share a deployment are enforced: a product of a gateway."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Lower

from quotas.models.inventory import Deployment, Pool
from quotas.querysets import GatewayProductQuerySet


class GatewayProduct(models.Model):
    """A product of an API Management service through which services call one deployment.

    One product, one deployment: its policy limits every call, wherever it goes. Of the policy only
    Headroom's own part is kept, never what other people wrote. `seen_part` is as it was last read,
    `written_part` as Headroom last wrote it, or found it right; where they differ somebody edited
    it. `looked_at` is also the claim of a worker: whoever moves it looks.
    """

    deployment = models.OneToOneField(
        Deployment, on_delete=models.PROTECT, related_name="gateway_product"
    )
    gateway_id = models.CharField(max_length=300)  # resource id of the API Management service
    product_id = models.CharField(max_length=256)
    mode = models.CharField(max_length=8, choices=Pool.Mode.choices, default=Pool.Mode.OBSERVE)
    named_at = models.DateTimeField()
    named_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    subscriptions = models.JSONField(default=list)  # [{"id", "name", "state"}], as last read
    looked_at = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)  # after a refusal; None: whenever something is due
    read_at = models.DateTimeField(null=True)  # the last that succeeded
    etag = models.CharField(max_length=120, blank=True)  # of the policy as last read
    seen_part = models.TextField(blank=True)
    written_part = models.TextField(blank=True)
    applied_at = models.DateTimeField(null=True)  # API Management took a write
    verified_at = models.DateTimeField(null=True)  # read back and equal to what is wanted
    edited_at = models.DateTimeField(null=True)  # found edited; waits for an answer
    agreed_at = models.DateTimeField(null=True)  # the yes to write over it
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    answer_reason = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveIntegerField(default=0)  # since the last that succeeded
    error_reason = models.CharField(max_length=24, blank=True)
    sentence = models.TextField(blank=True)  # why it is not as it should be

    objects = GatewayProductQuerySet.as_manager()

    class Meta:
        ordering = ["deployment_id"]
        constraints = [
            models.UniqueConstraint(
                Lower("gateway_id"), Lower("product_id"), name="one_deployment_per_product"
            )
        ]

    def __str__(self) -> str:
        return f"product {self.product_id} of {self.gateway_name}"

    @property
    def gateway_name(self) -> str:
        """The last part of its id."""
        return self.gateway_id.rstrip("/").rpartition("/")[2]

    @property
    def applies(self) -> bool:
        return self.mode == Pool.Mode.APPLY
