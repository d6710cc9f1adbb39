"""Requests, the evidence frozen with them, and the decisions on them."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from portal.kernel.windows import Window
from quotas.domain.states import RequestState
from quotas.models.catalogue import Service
from quotas.models.inventory import Deployment
from quotas.querysets import RequestQuerySet


class CapacityRequest(models.Model):
    """Asks for `units` above the baseline of one deployment over `[starts_at, ends_at)`."""

    class Kind(models.TextChoices):
        BURST = "burst", "Burst"

    class Occasion(models.TextChoices):
        EXECUTIVE_DEMO = "executive_demo", "Executive demo"
        MIGRATION = "migration", "Migration wave"
        TRAINING = "training", "Training"
        ONBOARDING = "onboarding", "Newly onboarded business unit"
        LAUNCH = "launch", "Launch"
        INCIDENT = "incident", "Incident"
        MONTH_END = "month_end", "Month-end"
        OTHER = "other", "Something else"

    State = RequestState

    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.BURST)
    service = models.ForeignKey(Service, on_delete=models.PROTECT, related_name="requests")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="requests")
    requester = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="requests"
    )
    on_behalf_of = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    units = models.PositiveIntegerField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    occasion = models.CharField(max_length=20, choices=Occasion.choices)
    purpose = models.TextField()
    # An approved provisioned burst carries the yes for its own end: Azure does not promise
    # capacity back.
    accepts_provisioned_release = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=RequestState.pairs())
    content_hash = models.CharField(max_length=64)
    submitted_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    objects = RequestQuerySet.as_manager()

    class Meta:
        ordering = ["-submitted_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="request_window_not_empty"
            ),
            models.CheckConstraint(condition=Q(units__gt=0), name="request_asks_for_something"),
        ]
        indexes = [models.Index(fields=["state", "starts_at"])]

    def __str__(self) -> str:
        return f"#{self.pk} {self.service}"

    @property
    def window(self) -> Window:
        return Window(self.starts_at, self.ends_at)

    def get_absolute_url(self) -> str:
        return reverse("request", args=[self.pk])


class Evidence(models.Model):
    """What was known when the request was judged: at submit, and when the ledger changed."""

    request = models.ForeignKey(CapacityRequest, on_delete=models.CASCADE, related_name="evidence")
    computed_at = models.DateTimeField()
    facts = models.JSONField()

    class Meta:
        ordering = ["-computed_at", "-id"]

    def __str__(self) -> str:
        return f"evidence for #{self.request_id} at {self.computed_at:%Y-%m-%d %H:%M}"


class Decision(models.Model):
    """One person's, or the policy's, answer at one stage: bound to the content and evidence it
    saw.
    """

    class Outcome(models.TextChoices):
        APPROVED = "approved", "Approved"
        DENIED = "denied", "Denied"

    request = models.ForeignKey(CapacityRequest, on_delete=models.PROTECT, related_name="decisions")
    stage = models.PositiveSmallIntegerField(default=1)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="decisions"
    )  # None: by policy
    outcome = models.CharField(max_length=10, choices=Outcome.choices)
    note = models.TextField(blank=True)
    content_hash = models.CharField(max_length=64)
    evidence = models.ForeignKey(Evidence, on_delete=models.PROTECT, related_name="+")
    policy_version = models.PositiveIntegerField()
    policy_facts = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["request", "stage"], name="one_decision_per_stage")
        ]

    def __str__(self) -> str:
        return f"{self.outcome} #{self.request_id}"
