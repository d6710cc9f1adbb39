"""How far the data is: watermarks of pulls, the backfill's plan and progress, days to recompute."""

from django.db import models
from django.db.models import F, Q

from showback.models.usage import Grain


class UsagePull(models.Model):
    """The watermark of one source and one hour: the latest pull of it.

    A source is a subscription's region (`subscription/region`) or a gateway (`gateway:key`).
    STARTED without DONE means that a pull failed or was cut off; `problem` says why where it is
    known. PARTIAL: some minutes that were due could not be read, the others are there. The next
    pull replaces the hour, so nothing needs to be undone.
    """

    class State(models.TextChoices):
        STARTED = "started", "Started"
        PARTIAL = "partial", "Partial"
        DONE = "done", "Done"

    source = models.CharField(max_length=90)  # subscription/region | gateway:key
    hour = models.DateTimeField()
    grain = models.CharField(max_length=6, choices=Grain.choices)
    state = models.CharField(max_length=8, choices=State.choices)
    started_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    settled_until = models.DateTimeField(null=True)  # minutes before this were final enough to keep
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["-hour", "source"]
        constraints = [
            models.UniqueConstraint(fields=["source", "hour"], name="one_watermark_per_hour"),
            models.CheckConstraint(
                condition=Q(state="started", done_at__isnull=True)
                | Q(state__in=["partial", "done"], done_at__isnull=False),
                name="pull_done_has_a_time",
            ),
        ]
        indexes = [models.Index(fields=["-hour"])]

    def __str__(self) -> str:
        return f"{self.source} {self.hour:%Y-%m-%d %H}:00 {self.state}"


class BackfillSlice(models.Model):
    """One stretch of history of one account: planned at first sight, done once."""

    subscription_id = models.CharField(max_length=36)
    region = models.CharField(max_length=40)
    account_key = models.CharField(max_length=300)
    grain = models.CharField(max_length=6, choices=Grain.choices)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    planned_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["-starts_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account_key", "grain", "starts_at"], name="one_slice_per_account_and_start"
            ),
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="slice_window_not_empty"
            ),
        ]
        indexes = [
            models.Index(
                fields=["-starts_at"], condition=Q(done_at__isnull=True), name="slices_to_do"
            )
        ]

    def __str__(self) -> str:
        return f"{self.account_key} by {self.grain} from {self.starts_at:%Y-%m-%d %H:%M}"


class TouchedHour(models.Model):
    """A mark left by whoever changed what an hour's cost depends on; taken away by the roll-up.

    Deployment None: every deployment (a price). The database holds no foreign key, as marks are
    copied in by the thousand. Never updated and not unique: the roll-up deletes exactly the marks
    that it saw, so a mark written meanwhile by a transaction that had not ended yet is not lost.
    """

    hour = models.DateTimeField()
    deployment = models.ForeignKey(
        "quotas.Deployment",
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )

    class Meta:
        indexes = [models.Index(fields=["hour"], name="touched_by_hour")]

    def __str__(self) -> str:
        return f"{self.hour:%Y-%m-%d %H}:00"


class DayBasis(models.Model):
    """What a day's figures of one deployment were made of beside its use, as a hash.

    Kept for the days that are still going on: where it is another one, the deployment's day is
    filled again.
    """

    pk = models.CompositePrimaryKey("day", "deployment_id")
    day = models.DateField()
    deployment = models.ForeignKey(
        "quotas.Deployment",
        on_delete=models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    basis = models.BigIntegerField()

    class Meta:
        db_table = "showback_day_basis"

    def __str__(self) -> str:
        return f"deployment {self.deployment_id} on {self.day}"


class JobDone(models.Model):
    """When a job last had nothing left to do: a sign of life, overwritten each time."""

    class Job(models.TextChoices):
        ROLL_UP = "roll_up", "Days worked out"

    job = models.CharField(max_length=16, choices=Job.choices, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        db_table = "showback_job_done"

    def __str__(self) -> str:
        return f"{self.job} at {self.at:%Y-%m-%d %H:%M}"


class DeploymentSeen(models.Model):
    """What a roll-up last knew of a deployment, so that it sees when a mapping changed."""

    deployment = models.OneToOneField(
        "quotas.Deployment", primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    service = models.ForeignKey(
        "quotas.Service", null=True, on_delete=models.SET_NULL, related_name="+"
    )

    def __str__(self) -> str:
        return f"deployment {self.deployment_id} serves {self.service_id}"


class CapacitySeen(models.Model):
    """What Azure had deployed from `seen_at` until the next row: written only when it changed.

    This, not the ledger, is what provisioned hours are charged by: a grant that Azure refused
    costs nothing.
    """

    deployment = models.ForeignKey("quotas.Deployment", on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField()
    units = models.PositiveIntegerField()

    class Meta:
        ordering = ["deployment_id", "seen_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["deployment", "seen_at"], name="one_capacity_per_moment"
            )
        ]

    def __str__(self) -> str:
        return f"{self.units} units from {self.seen_at:%Y-%m-%d %H:%M}"
