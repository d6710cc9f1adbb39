"""The model register: what Azure says of the life of models, and the house's own rules."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from quotas.domain.model_register import Life, Rule
from quotas.querysets import ModelRuleQuerySet


class ModelLife(models.Model):
    """The life of a model version in a region as a deployment type, as Azure said it last. What it
    lists no more keeps what was said.
    """

    subscription_id = models.CharField(max_length=36)  # lower case
    region = models.CharField(max_length=40)
    model_format = models.CharField(max_length=40)
    model_name = models.CharField(max_length=80)
    model_version = models.CharField(max_length=40)
    sku_name = models.CharField(max_length=40)
    lifecycle = models.CharField(max_length=30, blank=True)
    retires_at = models.DateTimeField(null=True)
    is_planned = models.BooleanField(default=False)
    successor = models.CharField(max_length=121, blank=True)  # name and version
    said_at = models.DateTimeField()  # when Azure said so first

    class Meta:
        ordering = ["model_name", "model_version", "region", "sku_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription_id", "region", "model_format", "model_name",
                        "model_version", "sku_name"],
                name="one_life_per_deployable_model",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.model_name} {self.model_version} as {self.sku_name} in {self.region}"

    @property
    def life(self) -> Life:
        return Life(self.lifecycle, self.retires_at, self.is_planned, self.successor)


class ModelRule(models.Model):
    """The house's own word on a model over `[effective_from, ended_at)`; what follows it later ends
    it then, so `ended_at` may be to come. `model_version` "" is every version that has no rule of
    its own. Nothing else of it changes, and none is deleted.
    """

    model_name = models.CharField(max_length=80)
    model_version = models.CharField(max_length=40, blank=True)
    allows = models.BooleanField()
    effective_from = models.DateTimeField()
    reason = models.CharField(max_length=200)
    successor = models.CharField(max_length=121, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )

    objects = ModelRuleQuerySet.as_manager()

    class Meta:
        ordering = ["-recorded_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["model_name", "model_version"],
                condition=Q(ended_at__isnull=True),
                name="one_open_rule_per_model",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True, ended_by__isnull=True)
                | Q(ended_at__isnull=False, ended_by__isnull=False),
                name="model_rule_ended_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        word = "allowed" if self.allows else "deprecated"
        return f"{self.model_name} {self.model_version or 'in every version'} is {word}"

    @property
    def rule(self) -> Rule:
        return Rule(self.allows, self.effective_from, self.reason, self.successor)
