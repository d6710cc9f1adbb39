"""What was used: one hour of one deployment as sums, and apart from it the minutes behind them.

Minutes have two forms that `showback.selectors.minutes` reads as one: rows by the hour, and once
nothing is expected to change them any more, compressed blocks by the day. Of one deployment's day
there is one form or the other, never both.

All tables are partitioned by month (UTC) and keyed by the deployment and the time; partitions
are made just before the first write to them. The database holds no foreign key from here to the
deployment: each new partition would have to lock the deployments' table. Rows are written only by
`showback.services.usage_store`, from deployments that quotas has just named, and those are never
deleted.
"""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from showback.domain import measures


class Grain(models.TextChoices):
    MINUTE = "minute", "Minute"
    HOUR = "hour", "Hour"


class MetricFamily(models.IntegerChoices):
    """Which of Azure's two families of metrics an hour was read from: bits of `measures`."""

    NONE = 0, "none: it was idle"
    OLDER = measures.OLDER, "Azure OpenAI metrics"
    NEWER = measures.NEWER, "Models metrics"
    BOTH = measures.OLDER | measures.NEWER, "Azure OpenAI metrics, else Models metrics"


class UsageHour(models.Model):
    """Sums of one deployment over `[hour, hour + 1 h)`.

    Sums cover the minutes that came: `minutes_received` of `minutes_expected` (those that had
    settled when Azure was asked). `cached_tokens_estimated` is tokens − active tokens where those
    came (`active_tokens` is not None), else prompt tokens × the cache match rate: Azure gives no
    count. `priority_requests` are those of ok and spilled served in tier priority, None where none
    came. Of grain hour the minutes are not known, so peak and throttled minutes are None.
    """

    pk = models.CompositePrimaryKey("deployment_id", "hour")
    deployment = models.ForeignKey(
        "quotas.Deployment",
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    hour = models.DateTimeField()
    grain = models.CharField(max_length=6, choices=Grain.choices)
    ok_requests = models.BigIntegerField()
    throttled_requests = models.BigIntegerField()
    other_requests = models.BigIntegerField()
    spilled_requests = models.BigIntegerField()  # served here for a provisioned deployment
    prompt_tokens = models.BigIntegerField()
    generated_tokens = models.BigIntegerField()
    cached_tokens_estimated = models.BigIntegerField()
    peak_tokens_per_minute = models.BigIntegerField(null=True)
    throttled_minutes = models.SmallIntegerField(null=True)
    # Mean utilisation = percent_sum ÷ minutes; both 0 where the metric did not come.
    utilisation_percent_sum = models.IntegerField()
    utilisation_minutes = models.SmallIntegerField()
    minutes_received = models.SmallIntegerField()
    minutes_expected = models.SmallIntegerField()
    priority_requests = models.BigIntegerField(null=True)
    active_tokens = models.BigIntegerField(null=True)
    metric_family = models.SmallIntegerField(
        choices=MetricFamily.choices, default=MetricFamily.NONE, db_default=MetricFamily.NONE
    )
    content_hash = models.BigIntegerField()  # equal hash, equal content: nothing to write

    class Meta:
        db_table = "showback_usage_hour"
        ordering = ["hour"]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    ok_requests__gte=0,
                    throttled_requests__gte=0,
                    other_requests__gte=0,
                    spilled_requests__gte=0,
                    prompt_tokens__gte=0,
                    generated_tokens__gte=0,
                ),
                name="usage_hour_counts_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(
                    cached_tokens_estimated__gte=0,
                    cached_tokens_estimated__lte=F("prompt_tokens"),
                ),
                name="usage_hour_cached_within_prompt",
            ),
            models.CheckConstraint(
                condition=Q(
                    minutes_received__gte=0,
                    minutes_received__lte=F("minutes_expected"),
                    minutes_expected__lte=60,
                ),
                name="usage_hour_received_within_expected",
            ),
        ]

    def __str__(self) -> str:
        return f"deployment {self.deployment_id} at {self.hour:%Y-%m-%d %H}:00"


class UsageMinutes(models.Model):
    """The 60 minutes of one deployment's hour. An element that is NULL was not received.

    A whole array is NULL where nothing of it came (utilisation of pay-as-you-go); `priority` and
    `active` are NULL in every minute without such requests or tokens.
    """

    pk = models.CompositePrimaryKey("deployment_id", "hour")
    deployment = models.ForeignKey(
        "quotas.Deployment",
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    hour = models.DateTimeField()
    ok = ArrayField(models.IntegerField(null=True), null=True)
    throttled = ArrayField(models.IntegerField(null=True), null=True)
    other = ArrayField(models.IntegerField(null=True), null=True)
    spilled = ArrayField(models.IntegerField(null=True), null=True)
    prompt = ArrayField(models.IntegerField(null=True), null=True)
    generated = ArrayField(models.IntegerField(null=True), null=True)
    cache_percent = ArrayField(models.SmallIntegerField(null=True), null=True)
    utilisation_percent = ArrayField(models.SmallIntegerField(null=True), null=True)
    priority = ArrayField(models.IntegerField(null=True), null=True)
    active = ArrayField(models.IntegerField(null=True), null=True)

    class Meta:
        db_table = "showback_usage_minutes"
        ordering = ["hour"]

    def __str__(self) -> str:
        return f"minutes of deployment {self.deployment_id} at {self.hour:%Y-%m-%d %H}:00"


class UsageDayBlock(models.Model):
    """The minutes of one deployment's day (UTC), compressed by `showback.domain.day_codec`.

    Bit h of `hours` is set where there was a row of that hour. A measure is NULL where nothing of
    it came on that day.
    """

    pk = models.CompositePrimaryKey("deployment_id", "day")
    deployment = models.ForeignKey(
        "quotas.Deployment",
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    day = models.DateField()
    codec = models.SmallIntegerField()
    hours = models.IntegerField()
    ok = models.BinaryField(null=True)
    throttled = models.BinaryField(null=True)
    other = models.BinaryField(null=True)
    spilled = models.BinaryField(null=True)
    prompt = models.BinaryField(null=True)
    generated = models.BinaryField(null=True)
    cache_percent = models.BinaryField(null=True)
    utilisation_percent = models.BinaryField(null=True)
    priority = models.BinaryField(null=True)
    active = models.BinaryField(null=True)

    class Meta:
        db_table = "showback_usage_day_block"
        ordering = ["day"]
        constraints = [
            models.CheckConstraint(
                condition=Q(hours__gt=0, hours__lt=1 << 24), name="day_block_has_hours"
            ),
        ]

    def __str__(self) -> str:
        return f"minutes of deployment {self.deployment_id} on {self.day}"


class AccountHour(models.Model):
    """Of which deployments of an account an hour of use is whole: all its 60 minutes came.

    Both are ids, ascending; together those that have a `UsageHour`. Replaced whole, with those rows
    and in their transaction, so that a page need not read every hour of every deployment.
    """

    pk = models.CompositePrimaryKey("hour", "account_id")
    hour = models.DateTimeField()
    account = models.ForeignKey(
        "quotas.AzureAccount",
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    whole = ArrayField(models.BigIntegerField())
    partial = ArrayField(models.BigIntegerField())

    class Meta:
        db_table = "showback_account_hour"

    def __str__(self) -> str:
        return f"account {self.account_id} at {self.hour:%Y-%m-%d %H}:00"


class Kept(models.Model):
    """Since when something is kept: what was older has been dropped and never comes back.

    It only moves forward, also when a retention setting is raised later.
    """

    class What(models.TextChoices):
        MINUTES = "minutes", "Minutes"
        HOURS = "hours", "Hours"
        DAYS = "days", "Days"

    what = models.CharField(max_length=8, choices=What.choices, primary_key=True)
    since = models.DateTimeField()

    class Meta:
        db_table = "showback_kept"

    def __str__(self) -> str:
        return f"{self.what} since {self.since:%Y-%m-%d}"
