"""Usage by service: attributed hours, and the days that pages read; days by method."""

from django.db import models
from django.db.models import F, Q


class Attribution(models.TextChoices):
    """How the use of a deployment's hour was given to a service."""

    GATEWAY = "gateway", "Counted by the gateway, caller by caller"
    SPLIT = "split", "Divided by the split rule"
    HOLDER = "holder", "Held by one service in that hour"
    HELD_SHARE = "held_share", "Shared by what each service held in that hour"
    MAPPING = "mapping", "Mapped to the service; nobody held it in that hour"
    NONE = "none", "Unattributed"


class Attributed(models.Model):
    """The sums that hours and days have in common. Service None: unattributed."""

    service = models.ForeignKey(
        "quotas.Service", null=True, on_delete=models.PROTECT, related_name="+"
    )
    deployment = models.ForeignKey("quotas.Deployment", on_delete=models.PROTECT, related_name="+")
    ok_requests = models.BigIntegerField()
    throttled_requests = models.BigIntegerField()
    other_requests = models.BigIntegerField()
    spilled_requests = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    generated_tokens = models.BigIntegerField()
    cached_tokens_estimated = models.BigIntegerField()
    # In the measure of capacity: plain tokens, or weighted tokens where it is provisioned.
    capacity_tokens = models.BigIntegerField()
    held_unit_minutes = models.BigIntegerField()
    # What the held units could have served, same measure; None where a unit's rate is not known.
    held_capacity_tokens = models.BigIntegerField(null=True)
    peak_tokens_per_minute = models.BigIntegerField(null=True)
    throttled_minutes = models.IntegerField(null=True)
    minutes_received = models.IntegerField()
    minutes_expected = models.IntegerField()

    class Meta:
        abstract = True


class ServiceHour(Attributed):
    """One row for each method: of a shared deployment a service may have a part by the gateway and
    another by the split rule. Minutes and what was held are the hour's, equal in both.
    """

    hour = models.DateTimeField()
    method = models.CharField(max_length=10, choices=Attribution.choices)

    class Meta:
        db_table = "showback_service_hour"
        ordering = ["hour"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "hour", "service", "method"],
                nulls_distinct=False,
                name="one_service_hour_and_method",
            ),
            models.CheckConstraint(
                condition=Q(prompt_tokens__gte=0, generated_tokens__gte=0, ok_requests__gte=0),
                name="service_hour_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["hour"]),
            models.Index(fields=["service", "hour"]),
        ]

    def __str__(self) -> str:
        return f"service {self.service_id} at {self.hour:%Y-%m-%d %H}:00"


class ServiceDay(Attributed):
    """A day of the finance time zone. `team` is the one that paid for it, as on the cost lines."""

    day = models.DateField()
    team = models.ForeignKey("quotas.Team", null=True, on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "showback_service_day"
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(
                fields=["day", "deployment", "service"],
                nulls_distinct=False,
                name="one_service_day",
            ),
            models.CheckConstraint(
                condition=Q(minutes_received__gte=0, minutes_received__lte=F("minutes_expected")),
                name="service_day_received_within_expected",
            ),
        ]
        indexes = [models.Index(fields=["service", "day"])]

    def __str__(self) -> str:
        return f"service {self.service_id} on {self.day}"


class MethodDay(models.Model):
    """A deployment's day by how it is known whose its use was: sums of its `ServiceHour` rows.

    So pages about a month of shared deployments read days. Minutes are those of the hours that the
    tokens are of, once for each service: they are compared with each other, never added up.
    """

    day = models.DateField()
    # The unique index below begins with it.
    deployment = models.ForeignKey(
        "quotas.Deployment", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    method = models.CharField(max_length=10, choices=Attribution.choices)
    used_tokens = models.BigIntegerField()
    minutes_received = models.BigIntegerField()
    minutes_expected = models.BigIntegerField()

    class Meta:
        db_table = "showback_method_day"
        ordering = ["day", "deployment_id", "method"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "day", "method"], name="one_method_day"),
            models.CheckConstraint(condition=Q(used_tokens__gte=0), name="method_day_not_negative"),
        ]
        indexes = [models.Index(fields=["day"], name="method_day_by_day")]

    def __str__(self) -> str:
        return f"deployment {self.deployment_id} on {self.day}, {self.method}: {self.used_tokens}"
