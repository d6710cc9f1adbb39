"""What was known of a request, and what people, or the policy, answered."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from quotas.models.requests import CapacityRequest


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

    `units`, `starts_at` and `ends_at` are the terms of a partial approval or an offer; None where
    all was meant that was asked. An edit that lowers the request carries approvals over to the new
    content as rows of their own (`carried_from`); what they replace, and what an edit that raises
    it voids, is `voided_at`. Only approvals that stand count towards a stage.
    """

    class Outcome(models.TextChoices):
        APPROVED = "approved", "Approved"
        PARTIAL = "partial", "Approved in part"
        COUNTER_OFFERED = "counter_offered", "Offered something else"
        ACCEPTED = "accepted", "Accepted the offer"
        DECLINED = "declined", "Declined the offer"
        ASKED = "asked", "Asked"
        ANSWERED = "answered", "Answered"
        EDITED = "edited", "Changed what is asked"
        DENIED = "denied", "Denied"
        REVOKED = "revoked", "Revoked"

    APPROVALS = (Outcome.APPROVED, Outcome.PARTIAL)

    request = models.ForeignKey(CapacityRequest, on_delete=models.PROTECT, related_name="decisions")
    stage = models.PositiveSmallIntegerField(default=1)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="decisions"
    )  # None: by policy
    # Whose place they took, by a dated delegation.
    delegated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    outcome = models.CharField(max_length=16, choices=Outcome.choices)
    note = models.TextField(blank=True)
    units = models.IntegerField(null=True)
    starts_at = models.DateTimeField(null=True)
    ends_at = models.DateTimeField(null=True)
    content_hash = models.CharField(max_length=64)
    # None where nothing was weighed: giving back is always granted.
    evidence = models.ForeignKey(Evidence, null=True, on_delete=models.PROTECT, related_name="+")
    policy_version = models.PositiveIntegerField()
    policy_facts = models.JSONField()
    at = models.DateTimeField()
    voided_at = models.DateTimeField(null=True)
    carried_from = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="carried_to"
    )

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            # One person, one stage: whoever approved stands once in the whole chain.
            models.UniqueConstraint(
                fields=["request", "decided_by"],
                condition=Q(outcome__in=["approved", "partial"], voided_at__isnull=True),
                name="one_person_one_stage",
            ),
            models.CheckConstraint(
                condition=Q(starts_at__isnull=True)
                | Q(ends_at__isnull=True)
                | Q(starts_at__lt=F("ends_at")),
                name="decision_window_not_empty",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome} #{self.request_id}"
