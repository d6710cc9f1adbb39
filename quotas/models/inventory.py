"""What Azure has: accounts, deployments, and the quota pools that feed them."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from portal.kernel.units import UnitRate
from quotas.models.catalogue import Service
from quotas.querysets import DeploymentQuerySet, PoolQuerySet

# When a deployment that is only expected "went": before there was any, so no window touches it.
NEVER_THERE = datetime(2000, 1, 1, tzinfo=UTC)


class AzureAccount(models.Model):
    """An Azure OpenAI (or AI Services) resource.

    Its id is kept in Azure's spelling, compared in lower case.
    """

    resource_id = models.CharField(max_length=300)
    resource_key = models.CharField(max_length=300, unique=True)  # resource_id in lower case
    subscription_id = models.CharField(max_length=36)
    resource_group = models.CharField(max_length=90)
    name = models.CharField(max_length=64)
    region = models.CharField(max_length=40)
    kind = models.CharField(max_length=40)
    # First label of its own host, lower case; "" where it has none (a region's common host).
    subdomain = models.CharField(max_length=64, blank=True, default="")
    tags = models.JSONField(default=dict, blank=True)  # text by name, as at `last_seen_at`
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Scope(models.TextChoices):
    """How far a quota bucket reaches. Azure's `Classic` and `Regional` both mean one region."""

    REGION = "", "One region"
    DATA_ZONE = "DataZone", "All regions of a data zone"
    GLOBAL = "Global", "All regions of the subscription"


class Pool(models.Model):
    """One Azure quota bucket. Keyed by scope where it is shared between regions, else by region.

    A bucket that Azure lists no more is `gone_at`; where one other took its place (a model moved to
    quota that all regions share), that one is its `successor`, and what it held is held there.

    `reserve_units` is protected: normal entries never use it. `lead` is how long before a start its
    entry begins, because Azure may take that long to apply an edit. `mode` is observe-only until an
    owner turns applying on.
    """

    class Mode(models.TextChoices):
        OBSERVE = "observe", "Observe only"
        APPLY = "apply", "Applying"

    class Kind(models.TextChoices):
        TOKENS = "tokens", "Tokens per minute"
        PROVISIONED = "provisioned", "Provisioned throughput"
        OTHER = "other", "Other, not allocatable"

    subscription_id = models.CharField(max_length=36)
    scope_type = models.CharField(max_length=20, blank=True)  # "" for one region
    scope_id = models.CharField(max_length=120)  # the region where the scope is one region
    region = models.CharField(max_length=40)  # of a shared bucket: the first that listed it
    usage_name = models.CharField(max_length=160)
    kind = models.CharField(max_length=12, choices=Kind.choices)
    reserve_units = models.PositiveIntegerField(default=0)
    lead = models.DurationField(default=timedelta(minutes=15))
    mode = models.CharField(max_length=8, choices=Mode.choices, default=Mode.OBSERVE)
    owners = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="owned_pools", blank=True
    )
    # Who decides beside the owners once a request was escalated.
    fallback_approvers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, related_name="fallback_pools", blank=True
    )
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)
    successor = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="predecessors"
    )

    objects = PoolQuerySet.as_manager()

    class Meta:
        ordering = ["usage_name", "region"]
        constraints = [
            models.UniqueConstraint(
                fields=["subscription_id", "scope_type", "scope_id", "usage_name"],
                name="one_pool_per_bucket",
            )
        ]

    def __str__(self) -> str:
        return f"{self.usage_name} in {self.place}"

    @property
    def place(self) -> str:
        """`eastus2`, `all regions`, or `data zone EU`."""
        if self.scope_type == Scope.GLOBAL:
            return "all regions"
        return f"data zone {self.scope_id}" if self.scope_type == Scope.DATA_ZONE else self.region

    @property
    def is_allocatable(self) -> bool:
        return self.kind != self.Kind.OTHER

    @property
    def is_provisioned(self) -> bool:
        return self.kind == self.Kind.PROVISIONED

    @property
    def applies(self) -> bool:
        return self.mode == self.Mode.APPLY


class PoolLimit(models.Model):
    """What Azure said of a pool, from `observed_at` until the next row: written only when it
    changed.
    """

    pool = models.ForeignKey(Pool, on_delete=models.CASCADE, related_name="limits")
    observed_at = models.DateTimeField()
    limit_units = models.PositiveBigIntegerField()
    azure_used_units = models.PositiveBigIntegerField()  # allocated to deployments, says Azure
    # Of these, what belongs to no deployment that Headroom sees: not free, though not ours.
    outside_units = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["-observed_at", "-id"]
        indexes = [models.Index(fields=["pool", "-observed_at"])]

    def __str__(self) -> str:
        return f"{self.limit_units} from {self.observed_at:%Y-%m-%d %H:%M}"


class Deployment(models.Model):
    """An Azure model deployment, fed by one pool. `service` is empty until somebody maps it.

    `capacity_units` is what Azure said at `observed_at`, nothing more: what *ought* to be there
    is a question to the ledger. The rate is per unit; None where Azure states none. One that is
    only expected is gone since NEVER_THERE, until Azure shows it.
    """

    account = models.ForeignKey(AzureAccount, on_delete=models.PROTECT, related_name="deployments")
    resource_id = models.CharField(max_length=400)
    resource_key = models.CharField(max_length=400, unique=True)
    name = models.CharField(max_length=64)
    model_format = models.CharField(max_length=40)
    model_name = models.CharField(max_length=80)
    model_version = models.CharField(max_length=40)
    sku_name = models.CharField(max_length=40)
    pool = models.ForeignKey(
        Pool, null=True, blank=True, on_delete=models.PROTECT, related_name="deployments"
    )
    service = models.ForeignKey(
        Service, null=True, blank=True, on_delete=models.SET_NULL, related_name="deployments"
    )
    # Belongs to no service itself: people hold small amounts of it for experiments.
    takes_sandboxes = models.BooleanField(default=False)
    capacity_units = models.PositiveIntegerField()
    # What Headroom last adopted or verified. While Azure still has it, a difference from the ledger
    # comes from the ledger's own edges; otherwise somebody edited elsewhere: drift.
    settled_units = models.PositiveIntegerField()
    provisioning_state = models.CharField(max_length=20)
    tokens_per_minute_per_unit = models.PositiveIntegerField(null=True)
    requests_per_minute_per_unit = models.PositiveIntegerField(null=True)
    minimum_units = models.PositiveIntegerField(null=True)
    step_units = models.PositiveIntegerField(null=True)
    spillover_deployment_name = models.CharField(max_length=64, blank=True)
    tags = models.JSONField(default=dict, blank=True)  # its own, without the account's
    first_seen_at = models.DateTimeField()
    observed_at = models.DateTimeField()
    gone_at = models.DateTimeField(null=True, blank=True)

    objects = DeploymentQuerySet.as_manager()

    class Meta:
        ordering = ["account__name", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(takes_sandboxes=False) | Q(service__isnull=True),
                name="what_takes_sandboxes_is_no_services_own",
            )
        ]

    def __str__(self) -> str:
        return f"{self.account.name}/{self.name}"

    @property
    def rate(self) -> UnitRate:
        return UnitRate(self.tokens_per_minute_per_unit, self.requests_per_minute_per_unit)

    @property
    def all_tags(self) -> dict[str, str]:
        """The account's, and its own above them."""
        return {**self.account.tags, **self.tags}

    @property
    def is_provisioned(self) -> bool:
        return "provisioned" in self.sku_name.lower()

    @property
    def is_expected(self) -> bool:
        """Planned for a service; Azure has never shown it."""
        return self.gone_at == NEVER_THERE


class SyncRun(models.Model):
    """One inventory sync of one subscription, and what it could not read."""

    subscription_id = models.CharField(max_length=36)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    problems = models.JSONField(default=list)  # sentences

    class Meta:
        ordering = ["-started_at"]
        indexes = [
            # The newest of a subscription, whichever way its id is written in the settings.
            models.Index(
                Lower("subscription_id"), models.F("started_at").desc(), name="newest_sync_run"
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=models.F("started_at")),
                name="sync_ends_after_it_starts",
            )
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} at {self.started_at:%Y-%m-%d %H:%M}"
