"""Policy as data: numbered versions, never edited once published, and one draft of the next."""

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce

from quotas.domain.policy import Policy, stored
from quotas.domain.policy_text import as_yaml


class PolicyVersion(models.Model):
    """A draft has no number yet. A trigger forbids update and delete of what has one.

    `content` is JSON as `quotas.domain.policy.stored` reads it; of a draft it may be wrong still.
    """

    number = models.PositiveIntegerField(unique=True, null=True)
    content = models.JSONField()
    note = models.CharField(max_length=400, blank=True)  # what changes and why
    drafted_by_id = models.BigIntegerField(null=True)  # None: the portal itself
    drafted_at = models.DateTimeField(null=True)
    edited_by_ids = models.JSONField(default=list)  # none of them may publish it
    edited_at = models.DateTimeField(null=True)
    published_at = models.DateTimeField(null=True)
    published_by_id = models.BigIntegerField(null=True)

    class Meta:
        ordering = [F("number").desc(nulls_last=True)]
        constraints = [
            models.CheckConstraint(
                condition=Q(number__isnull=True, published_at__isnull=True)
                | Q(number__isnull=False, published_at__isnull=False),
                name="policy_numbered_when_published",
            ),
            models.CheckConstraint(
                condition=~Q(published_by_id=F("drafted_by_id"))
                | Q(published_by_id__isnull=True)
                | Q(drafted_by_id__isnull=True),
                name="policy_published_by_a_second_person",
            ),
            models.UniqueConstraint(
                Coalesce("number", Value(0)),
                condition=Q(number__isnull=True),
                name="one_policy_draft",
            ),
        ]

    def __str__(self) -> str:
        return f"policy v{self.number}" if self.number else "policy draft"

    @property
    def policy(self) -> Policy:
        """Raises DomainError where a draft is not right yet."""
        return stored(self.content)

    def as_yaml(self) -> str:
        """The policy of a published version as a file; raises DomainError for what is none."""
        heading = f"Headroom policy, version {self.number}. Load it as the draft of the next one."
        return as_yaml(self.policy, heading=heading)
