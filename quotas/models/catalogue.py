"""Teams, their people, and the services that use capacity."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from quotas.querysets import ServiceQuerySet, TeamQuerySet


class Team(models.Model):
    """Who pays."""

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(max_length=60, unique=True)
    finance_contact = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    identity_group = models.CharField(max_length=120, blank=True)  # of the identity provider
    people = models.ManyToManyField(
        settings.AUTH_USER_MODEL, through="Membership", related_name="teams"
    )

    objects = TeamQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class TeamCostCentre(models.Model):
    """A team's cost centre over `[effective_from, effective_until)`."""

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="cost_centres")
    code = models.CharField(max_length=40)
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_from__lt=F("effective_until")), name="cost_centre_window"
            )
        ]

    def __str__(self) -> str:
        return self.code


class Membership(models.Model):
    class Role(models.TextChoices):
        LEAD = "lead", "Lead"
        MEMBER = "member", "Member"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_person")
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.team}"


class Service(models.Model):
    """What uses capacity: with a named owner, a purpose, and a metric that justifies it."""

    class Lifecycle(models.TextChoices):
        PROPOSED = "proposed", "Proposed"
        ACTIVE = "active", "Active"
        DORMANT = "dormant", "Dormant"
        RETIRED = "retired", "Retired"

    class Environment(models.TextChoices):
        PRODUCTION = "production", "Production"
        TEST = "test", "Test"
        DEVELOPMENT = "development", "Development"

    class Residency(models.TextChoices):
        REGION = "region", "In its region"
        DATA_ZONE = "data_zone", "In its data zone"
        ANYWHERE = "anywhere", "Anywhere"

    class DataClass(models.TextChoices):
        PUBLIC = "public", "Public"
        INTERNAL = "internal", "Internal"
        CONFIDENTIAL = "confidential", "Confidential"
        RESTRICTED = "restricted", "Restricted"

    class Tier(models.IntegerChoices):
        CRITICAL = 1, "1 · critical"
        IMPORTANT = 2, "2 · important"
        USEFUL = 3, "3 · useful"
        EXPERIMENT = 4, "4 · experiment"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="services")
    name = models.CharField(max_length=80)
    slug = models.SlugField(max_length=60, unique=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="owned_services"
    )
    deputy = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    environment = models.CharField(max_length=12, choices=Environment.choices)
    tier = models.PositiveSmallIntegerField(choices=Tier.choices)
    purpose = models.TextField()
    user_population = models.CharField(max_length=160, blank=True)
    if_throttled = models.TextField(blank=True)
    proof_metric = models.CharField(max_length=160, blank=True)
    data_class = models.CharField(max_length=12, choices=DataClass.choices, blank=True)
    data_residency = models.CharField(
        max_length=10, choices=Residency.choices, default=Residency.ANYWHERE
    )
    lifecycle = models.CharField(max_length=10, choices=Lifecycle.choices, default=Lifecycle.ACTIVE)

    objects = ServiceQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("service", args=[self.slug])
