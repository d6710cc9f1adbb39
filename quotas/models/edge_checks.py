"""What was found when an edge of the ledger was looked at before it came."""

from django.db import models

from quotas.models.inventory import Deployment


class EdgeCheck(models.Model):
    """One edge of a deployment, looked at again until it comes.

    `findings` are [{"code", "sentence"}], empty where nothing stands in the way. `found_at` is
    since when something does; `times_found` how often that began, so that each time is told once.
    """

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="edge_checks")
    edge_at = models.DateTimeField()
    from_units = models.PositiveIntegerField()
    to_units = models.PositiveIntegerField()
    requests = models.JSONField(default=list)  # ids of those that begin or end then
    checked_at = models.DateTimeField()
    findings = models.JSONField(default=list)
    found_at = models.DateTimeField(null=True)
    times_found = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["edge_at", "deployment_id"]
        constraints = [
            models.UniqueConstraint(fields=["deployment", "edge_at"], name="one_check_per_edge")
        ]
        indexes = [models.Index(fields=["edge_at"], name="edge_checks_by_edge")]

    def __str__(self) -> str:
        return f"{self.deployment} at {self.edge_at:%Y-%m-%d %H:%M}"

    @property
    def word(self) -> str:
        return "start" if self.to_units > self.from_units else "end"
