"""Prices with validity and source, and the cost lines made with them."""

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q


class Meter(models.TextChoices):
    INPUT = "input", "Input tokens"
    CACHED_INPUT = "cached_input", "Cached input tokens"
    OUTPUT = "output", "Output tokens"
    PTU_HOUR = "ptu_hour", "PTU-hours"


class TstzRange(Func):
    function = "TSTZRANGE"


class PriceRow(models.Model):
    """`price` for `per` of a meter, over `[effective_from, effective_until)`; never edited.

    An empty model, version or region scope holds for all of them; the most exact row wins. A region
    scope is one region, or a data zone (`zone:us`).
    """

    model_name = models.CharField(max_length=80, blank=True)
    model_version = models.CharField(max_length=40, blank=True)
    sku_name = models.CharField(max_length=40)
    service_tier = models.CharField(max_length=12, default="standard")
    region_scope = models.CharField(max_length=40, blank=True)
    meter = models.CharField(max_length=14, choices=Meter.choices)
    price = models.DecimalField(max_digits=14, decimal_places=6)
    per = models.PositiveIntegerField()  # 1,000,000 tokens, or 1 PTU-hour
    currency = models.CharField(max_length=3)
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField()
    source = models.CharField(max_length=200)
    source_date = models.DateField()
    confidence = models.CharField(max_length=60)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "showback_price"
        ordering = ["model_name", "sku_name", "meter", "region_scope", "-effective_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_from__lt=F("effective_until")), name="price_window_not_empty"
            ),
            models.CheckConstraint(condition=Q(price__gte=0, per__gt=0), name="price_not_negative"),
            ExclusionConstraint(
                name="one_price_at_a_time",
                expressions=[
                    *(
                        (name, RangeOperators.EQUAL)
                        for name in (
                            "model_name",
                            "model_version",
                            "sku_name",
                            "service_tier",
                            "region_scope",
                            "meter",
                            "currency",
                        )
                    ),
                    (TstzRange("effective_from", "effective_until"), RangeOperators.OVERLAPS),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model_name or 'any model'} {self.sku_name} {self.meter}: {self.price}"


class CostLine(models.Model):
    """What a day of a deployment cost one service, by meter and price row. Exact, never rounded.

    Price None: unpriced, and then the amount is None too, never nought. Service and team None: the
    platform's own line (unallocated) or traffic of a deployment that nobody mapped (unattributed).
    """

    class Category(models.TextChoices):
        TOKENS = "tokens", "Tokens"
        PTU_USED = "ptu_used", "Provisioned, used"
        PTU_IDLE = "ptu_idle", "Provisioned, idle"
        UNALLOCATED = "unallocated", "Provisioned, held by nobody"

    class Method(models.TextChoices):
        METERED = "metered", "Counted by Azure"
        CACHE_RATE = "cache_rate", "Prompt tokens × cache match rate"
        WEIGHTED_TOKENS = "weighted_tokens", "Weighted tokens ÷ capacity of the held units"
        UTILISATION = "utilisation", "Azure's utilisation metric"
        NOT_MEASURED = "not_measured", "Use not received: shown as idle"
        DEPLOYED = "deployed", "Deployed capacity × time"

    day = models.DateField()
    team = models.ForeignKey("quotas.Team", null=True, on_delete=models.PROTECT, related_name="+")
    service = models.ForeignKey(
        "quotas.Service", null=True, on_delete=models.PROTECT, related_name="+"
    )
    deployment = models.ForeignKey("quotas.Deployment", on_delete=models.PROTECT, related_name="+")
    category = models.CharField(max_length=12, choices=Category.choices)
    meter = models.CharField(max_length=14, choices=Meter.choices)
    quantity = models.DecimalField(max_digits=24, decimal_places=6)
    unit = models.CharField(max_length=10)  # token | PTU-hour
    price = models.ForeignKey(PriceRow, null=True, on_delete=models.PROTECT, related_name="+")
    amount = models.DecimalField(max_digits=36, decimal_places=12, null=True)
    currency = models.CharField(max_length=3)
    is_estimated = models.BooleanField()
    method = models.CharField(max_length=16, choices=Method.choices)

    class Meta:
        db_table = "showback_cost_line"
        ordering = ["day", "team_id", "service_id", "deployment_id", "category", "meter"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "deployment", "service", "category", "meter", "price", "method"],
                nulls_distinct=False,
                name="one_cost_line",
            ),
            models.CheckConstraint(
                condition=Q(price__isnull=True, amount__isnull=True)
                | Q(price__isnull=False, amount__isnull=False),
                name="unpriced_has_no_amount",
            ),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="cost_line_of_something"),
            models.CheckConstraint(
                condition=Q(team__isnull=True, service__isnull=True)
                | Q(team__isnull=False, service__isnull=False),
                name="cost_line_team_goes_with_service",
            ),
            models.CheckConstraint(
                condition=~Q(category="unallocated") | Q(service__isnull=True),
                name="unallocated_is_nobodys",
            ),
            models.CheckConstraint(
                condition=Q(category="tokens", meter__in=["input", "cached_input", "output"])
                | Q(category__in=["ptu_used", "ptu_idle", "unallocated"], meter="ptu_hour"),
                name="no_token_charge_on_provisioned",
            ),
        ]
        indexes = [
            models.Index(fields=["team", "day"]),
            models.Index(fields=["service", "day"]),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.category} {self.meter}: {self.amount}"
