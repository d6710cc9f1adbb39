"""One row per state change, written in the transaction of the change, never altered.

Rows carry the id of the person, never a name: people change names and leave. A database trigger
refuses update and delete.
"""

from django.db import models


class AuditRow(models.Model):
    at = models.DateTimeField()
    actor_id = models.BigIntegerField(null=True)  # None: the portal itself
    verb = models.CharField(max_length=60)  # "burst.approved"
    subject = models.CharField(max_length=120)  # "request/12"
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["subject", "at"]), models.Index(fields=["at"])]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.verb} {self.subject}"
