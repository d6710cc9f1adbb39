"""The ledger: append-only. Capacity "now" is a question to it, never a mutable field."""

from django.contrib.postgres.indexes import GistIndex
from django.db import models
from django.db.models import F, Func, Q

from portal.kernel.windows import Window
from quotas.models.catalogue import Service
from quotas.models.inventory import Deployment, Pool
from quotas.querysets import LedgerQuerySet


class LedgerEntry(models.Model):
    """`units` of a pool, held for a deployment by a service over `[effective_from,
    effective_until)`.

    A reversal carries negative units over the part of its entry that it takes back; every other
    kind carries positive ones. So a sum over the entries in force is always the answer.
    `recorded_at` is the second time axis: when we knew. A trigger forbids update and delete.
    """

    class Kind(models.TextChoices):
        ADOPTED = "adopted", "Adopted"
        BASELINE = "baseline", "Baseline"
        BURST = "burst", "Burst"
        HOLD = "hold", "Hold"
        RESERVE = "reserve", "Reserve"
        REVERSAL = "reversal", "Reversal"

    pool = models.ForeignKey(Pool, on_delete=models.PROTECT, related_name="entries")
    deployment = models.ForeignKey(Deployment, on_delete=models.PROTECT, related_name="entries")
    service = models.ForeignKey(
        Service, null=True, on_delete=models.PROTECT, related_name="entries"
    )  # None: unmapped
    units = models.IntegerField()
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind.choices)
    request = models.ForeignKey(
        "quotas.CapacityRequest", null=True, on_delete=models.PROTECT, related_name="entries"
    )
    reverses = models.ForeignKey(
        "self", null=True, on_delete=models.PROTECT, related_name="reversals"
    )
    # Issued anew in another pool, because Azure feeds the deployment from there now.
    is_reissued = models.BooleanField(default=False)
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    recorded_by_id = models.BigIntegerField(null=True)  # None: the portal itself

    objects = LedgerQuerySet.as_manager()

    class Meta:
        ordering = ["effective_from", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_from__lt=F("effective_until")), name="ledger_window_not_empty"
            ),
            models.CheckConstraint(
                condition=(
                    Q(kind="reversal", units__lt=0, reverses__isnull=False)
                    | (~Q(kind="reversal") & Q(units__gt=0, reverses__isnull=True))
                ),
                name="ledger_sign_follows_kind",
            ),
            # A crash and a replay of the same approval leave one entry.
            models.UniqueConstraint(
                fields=["request", "deployment"],
                condition=Q(kind__in=["burst", "baseline"], is_reissued=False),
                name="one_entry_per_approved_request",
            ),
        ]
        indexes = [
            models.Index(
                fields=["pool", "effective_from"],
                include=["effective_until", "units"],
                name="ledger_by_pool",
            ),
            models.Index(
                fields=["deployment", "effective_from"],
                include=["effective_until", "units"],
                name="ledger_by_deployment",
            ),
            GistIndex(
                F("pool"),
                Func("effective_from", "effective_until", function="TSTZRANGE"),
                name="ledger_windows_of_pool",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.units:+} {self.kind} from {self.effective_from:%Y-%m-%d %H:%M}"

    @property
    def window(self) -> Window:
        return Window(self.effective_from, self.effective_until)
