"""What can be deployed, and what somebody said that they would deploy."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from portal.kernel.units import UnitRate, UnitStep
from quotas.models.catalogue import Service
from quotas.models.inventory import Deployment, Pool
from quotas.models.requests import CapacityRequest


class DeployableModel(models.Model):
    """A model version that Azure offers in a region under one deployment type, and the pool that
    would feed it; as the newest sync saw it that could read the models of the region.
    """

    subscription_id = models.CharField(max_length=36)
    region = models.CharField(max_length=40)
    model_format = models.CharField(max_length=40)
    model_name = models.CharField(max_length=80)
    model_version = models.CharField(max_length=40)
    sku_name = models.CharField(max_length=40)
    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="deployable_models")
    tokens_per_minute_per_unit = models.PositiveIntegerField(null=True)
    requests_per_minute_per_unit = models.PositiveIntegerField(null=True)
    minimum_units = models.PositiveIntegerField(null=True)
    step_units = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["model_name", "model_version", "region", "sku_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription_id", "region", "model_format", "model_name",
                        "model_version", "sku_name"],
                name="one_row_per_deployable_model",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.model_name} {self.model_version} as {self.sku_name} in {self.region}"

    @property
    def rate(self) -> UnitRate:
        return UnitRate(self.tokens_per_minute_per_unit, self.requests_per_minute_per_unit)

    @property
    def step(self) -> UnitStep:
        return UnitStep(self.minimum_units or 1, self.step_units or 1)


class Expectation(models.Model):
    """A deployment that a service is to have, and the request for its first baseline.

    Its `deployment` is a row that Azure does not show yet (`Deployment.is_expected`), with the id
    that it will have. What the request is granted is held from its approval on. At `seen_at` Azure
    showed a deployment of that name; at `ended_at` somebody, or time, gave it up.
    """

    service = models.ForeignKey(Service, on_delete=models.CASCADE, related_name="expectations")
    deployment = models.ForeignKey(
        Deployment, on_delete=models.PROTECT, related_name="expectations"
    )
    request = models.OneToOneField(
        CapacityRequest, on_delete=models.PROTECT, related_name="expectation"
    )
    # As they were planned; the deployment says what Azure has.
    model_name = models.CharField(max_length=80)
    sku_name = models.CharField(max_length=40)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    seen_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment"],
                condition=Q(seen_at__isnull=True, ended_at__isnull=True),
                name="one_open_expectation_per_deployment",
            )
        ]

    def __str__(self) -> str:
        return f"{self.deployment} for {self.service}"
