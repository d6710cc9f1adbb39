"""What is to be written to Azure, and how far it got."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from quotas.domain.states import OPEN_CHANGE_STATES, ChangeState
from quotas.models.freezes import Freeze
from quotas.models.inventory import AzureAccount, Deployment, Pool


class Plan(models.Model):
    """A stored, ordered list of changes of one pool, shrinks first.

    `mode` is the pool's when it was made.
    """

    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="plans")
    made_at = models.DateTimeField()
    mode = models.CharField(max_length=8, choices=Pool.Mode.choices)
    # Why it waits for a yes; empty when it does not.
    stopped_because = models.TextField(blank=True)
    allowed_by_id = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["-made_at", "-id"]

    def __str__(self) -> str:
        return f"plan {self.pk} of {self.pool}"


class Change(models.Model):
    """One capacity write: from what was read to what the ledger wants."""

    State = ChangeState

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="changes")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="changes")
    position = models.PositiveSmallIntegerField()
    from_units = models.PositiveIntegerField()
    to_units = models.PositiveIntegerField()
    # What Headroom had settled there by then; None where it was planned before that was kept.
    settled_units = models.PositiveIntegerField(null=True)
    # [{"request": 12, "edge": "start"}]; with "gave_up": true where it is told as never applied.
    because = models.JSONField(default=list)
    state = models.CharField(max_length=12, choices=ChangeState.pairs())
    not_before = models.DateTimeField()
    # The freeze that holds it back; a run looks again every half-minute.
    held_by = models.ForeignKey(Freeze, null=True, on_delete=models.PROTECT, related_name="+")
    # When somebody agreed to write over an edit: neither a start nor an end, so no freeze holds it.
    agreed_at = models.DateTimeField(null=True)
    # An edit that nobody is to be asked about until then; who said so, or answered it, and why.
    snoozed_until = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )
    answer_reason = models.CharField(max_length=200, blank=True)
    gave_up_at = models.DateTimeField(null=True)  # its window ended before it was ever there
    attempts = models.PositiveIntegerField(default=0)
    operation = models.TextField(blank=True)  # resumable by any process
    error_reason = models.CharField(max_length=24, blank=True)
    azure_code = models.CharField(max_length=80, blank=True)
    azure_message = models.TextField(blank=True)
    sentence = models.TextField(blank=True)
    planned_at = models.DateTimeField()
    written_at = models.DateTimeField(null=True)  # Azure took the write
    verified_at = models.DateTimeField(null=True)  # read back and equal
    read_back_units = models.PositiveIntegerField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-planned_at", "position", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment"],
                condition=Q(state__in=sorted(OPEN_CHANGE_STATES)),
                name="one_open_change_per_deployment",
            )
        ]
        indexes = [models.Index(fields=["state", "not_before"])]

    def __str__(self) -> str:
        return f"{self.deployment}: {self.from_units} → {self.to_units}"

    @property
    def is_killed(self) -> bool:
        """The kill switch is on; known where the rows were read by `with_holds`."""
        return bool(getattr(self, "killed_now", False))

    @property
    def is_stopped(self) -> bool:
        """Its plan stopped and asks, and nobody agreed to this one by itself."""
        return bool(self.plan.stopped_because) and self.agreed_at is None

    @property
    def is_shrink(self) -> bool:
        return self.to_units < self.from_units


class AccountLease(models.Model):
    """Who may write to an account, until when (real time: a lease must not follow a set clock)."""

    account = models.OneToOneField(AzureAccount, on_delete=models.CASCADE, related_name="lease")
    holder = models.CharField(max_length=80)
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.account} held by {self.holder}"
