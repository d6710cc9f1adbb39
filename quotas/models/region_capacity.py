"""What Azure said it could deploy of a model, kept so that a form need not wait for Azure."""

from django.db import models


class RegionCapacity(models.Model):
    """Units of one model that could be deployed in one place, when Azure was asked last. Replaced
    whole for a model; nothing refers to it.
    """

    subscription_id = models.CharField(max_length=36)
    model_format = models.CharField(max_length=40)
    model_name = models.CharField(max_length=80)
    model_version = models.CharField(max_length=40)
    sku_name = models.CharField(max_length=40)
    region = models.CharField(max_length=40)
    units = models.PositiveIntegerField()
    observed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=[
                    "subscription_id", "model_name", "model_version", "model_format", "sku_name",
                    "region",
                ],
                name="one_capacity_of_a_model_in_a_place",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.units} of {self.model_name} as {self.sku_name} in {self.region}"
