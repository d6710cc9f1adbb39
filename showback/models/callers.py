"""Who called a shared deployment, as a gateway counted it: callers, their services, their hours.

Callers' numbers only divide a deployment's own (Azure Monitor's); they are never added to them.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from showback.domain.targets import GATEWAY
from showback.models.sharing import Dated, not_empty, one_at_a_time


class GatewaySource(models.Model):
    """Where callers are counted: a Log Analytics workspace, or files of one gateway."""

    class Kind(models.TextChoices):
        LOGS = "logs", "Log Analytics workspace"
        FILE = "file", "Imported files"

    kind = models.CharField(max_length=5, choices=Kind.choices)
    key = models.CharField(max_length=60)  # the workspace's GUID, or the name that files go by
    name = models.CharField(max_length=80)
    active_from = models.DateTimeField()

    class Meta:
        db_table = "showback_gateway_source"
        ordering = ["kind", "name"]
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="one_gateway_source")]

    def __str__(self) -> str:
        return self.name

    @property
    def watermark(self) -> str:
        """The source of its `UsagePull` rows."""
        return f"{GATEWAY}{self.key}"


class Caller(models.Model):
    """Whom the gateway knows: a subscription key of it, a whole product, or nobody by name.

    A product is a caller too: its mapping holds for those of its subscriptions that have none.
    """

    class Kind(models.TextChoices):
        SUBSCRIPTION = "subscription", "Subscription"
        PRODUCT = "product", "Product"
        NOBODY = "nobody", "Without a subscription"

    source = models.ForeignKey(GatewaySource, on_delete=models.PROTECT, related_name="callers")
    kind = models.CharField(max_length=12, choices=Kind.choices)
    key = models.CharField(max_length=256, blank=True)  # as the gateway writes it
    product = models.CharField(max_length=256, blank=True)
    first_seen_at = models.DateTimeField()

    class Meta:
        db_table = "showback_caller"
        ordering = ["key", "product"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "kind", "key", "product"], name="one_caller_per_key"
            )
        ]

    def __str__(self) -> str:
        return self.key or "calls without a subscription"


class CallerMapping(Dated):
    """Whose calls a caller's are, over `[effective_from, effective_until)`."""

    caller = models.ForeignKey(Caller, on_delete=models.PROTECT, related_name="mappings")
    service = models.ForeignKey("quotas.Service", on_delete=models.PROTECT, related_name="+")

    class Meta:
        db_table = "showback_caller_mapping"
        ordering = ["caller_id", "effective_from"]
        constraints = [not_empty("caller_mapping"), one_at_a_time("caller_mapping", "caller")]

    def __str__(self) -> str:
        return f"caller {self.caller_id} is service {self.service_id}"


class CallerTarget(models.Model):
    """What a gateway calls a deployment. Deployment None: none that Headroom knows goes by it.

    Its hours are kept all the same, so that nothing is lost until the deployment is found.
    """

    source = models.ForeignKey(GatewaySource, on_delete=models.PROTECT, related_name="targets")
    account_host = models.CharField(max_length=256, blank=True)
    deployment_name = models.CharField(max_length=128, blank=True)
    deployment = models.ForeignKey(
        "quotas.Deployment", null=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        db_table = "showback_caller_target"
        ordering = ["account_host", "deployment_name"]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "account_host", "deployment_name"], name="one_target_per_name"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_host or 'no host'}/{self.deployment_name or 'no deployment'}"


class GatewayHour(models.Model):
    """Which minutes of an hour a source was read whole: bit m of `received` is minute m."""

    source = models.ForeignKey(GatewaySource, on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()
    received = models.BigIntegerField()

    class Meta:
        db_table = "showback_gateway_hour"
        ordering = ["hour"]
        constraints = [
            models.UniqueConstraint(fields=["source", "hour"], name="one_gateway_hour"),
            models.CheckConstraint(
                condition=Q(received__gte=0, received__lt=1 << 60), name="gateway_hour_has_minutes"
            ),
        ]

    def __str__(self) -> str:
        return f"source {self.source_id} at {self.hour:%Y-%m-%d %H}:00"


class OfCaller(models.Model):
    """One caller's use of one target in one hour; replaced whole per source and hour."""

    source = models.ForeignKey(GatewaySource, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(CallerTarget, on_delete=models.PROTECT, related_name="+")
    caller = models.ForeignKey(Caller, on_delete=models.PROTECT, related_name="+")
    hour = models.DateTimeField()

    class Meta:
        abstract = True


class CallerHour(OfCaller):
    """Sums of the minutes that were read. Each request is in exactly one of the first five."""

    ok = models.BigIntegerField()
    throttled = models.BigIntegerField()  # 429 of the deployment
    throttled_by_gateway = models.BigIntegerField()  # Azure never saw them
    filtered = models.BigIntegerField(null=True)  # None: the gateway does not log why
    other = models.BigIntegerField()
    prompt = models.BigIntegerField()
    generated = models.BigIntegerField()
    minutes_received = models.SmallIntegerField()

    class Meta:
        db_table = "showback_caller_hour"
        ordering = ["hour"]
        constraints = [
            models.UniqueConstraint(fields=["target", "caller", "hour"], name="one_caller_hour"),
            models.CheckConstraint(
                condition=Q(
                    ok__gte=0,
                    throttled__gte=0,
                    throttled_by_gateway__gte=0,
                    other__gte=0,
                    prompt__gte=0,
                    generated__gte=0,
                )
                & (Q(filtered__isnull=True) | Q(filtered__gte=0)),
                name="caller_hour_not_negative",
            ),
        ]
        indexes = [
            models.Index(fields=["source", "hour"], name="caller_hour_by_source"),
            models.Index(fields=["target", "hour"], name="caller_hour_by_target"),
        ]

    def __str__(self) -> str:
        return f"caller {self.caller_id} at {self.hour:%Y-%m-%d %H}:00"


class UnmappedDay(models.Model):
    """A day (finance time zone) of a caller that nobody had mapped, while what it called was
    shared: sums of its `CallerHour` rows, so that the page of what is nobody's reads days.

    Of `logged` of its `hours` the gateway says how many requests were filtered.
    """

    day = models.DateField()
    # The unique index below begins with the day, by which rows are read.
    deployment = models.ForeignKey(
        "quotas.Deployment", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    caller = models.ForeignKey(Caller, on_delete=models.PROTECT, related_name="+", db_index=False)
    used_tokens = models.BigIntegerField()
    filtered = models.BigIntegerField()
    hours = models.IntegerField()
    logged = models.IntegerField()

    class Meta:
        db_table = "showback_unmapped_day"
        ordering = ["day", "deployment_id", "caller_id"]
        constraints = [
            models.UniqueConstraint(fields=["day", "deployment", "caller"], name="one_unmapped_day")
        ]

    def __str__(self) -> str:
        return f"caller {self.caller_id} on {self.day}: {self.used_tokens}"


class CallerMinutes(OfCaller):
    """The 60 minutes behind a `CallerHour`; NULL elements were not read. None for files of hours.

    Arrays as in `showback.gateway.CALLER_MEASURES`.
    """

    ok = ArrayField(models.IntegerField(null=True), null=True)
    throttled = ArrayField(models.IntegerField(null=True), null=True)
    throttled_by_gateway = ArrayField(models.IntegerField(null=True), null=True)
    filtered = ArrayField(models.IntegerField(null=True), null=True)
    other = ArrayField(models.IntegerField(null=True), null=True)
    prompt = ArrayField(models.IntegerField(null=True), null=True)
    generated = ArrayField(models.IntegerField(null=True), null=True)

    class Meta:
        db_table = "showback_caller_minutes"
        ordering = ["hour"]
        constraints = [
            models.UniqueConstraint(
                fields=["target", "caller", "hour"], name="one_caller_minutes_row"
            )
        ]
        indexes = [
            models.Index(fields=["source", "hour"], name="caller_minutes_by_source"),
            models.Index(fields=["target", "hour"], name="caller_minutes_by_target"),
        ]

    def __str__(self) -> str:
        return f"minutes of caller {self.caller_id} at {self.hour:%Y-%m-%d %H}:00"
