"""Who decides in somebody's place, for which pool, and how long."""

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Coalesce

from portal.kernel.windows import Window
from quotas.models.inventory import Pool
from quotas.querysets import DelegationQuerySet


class Delegation(models.Model):
    """`to_person` may decide what `from_person` may, over `[effective_from, effective_until)`.

    For one pool, or for all of them where `pool` is None. Ended early by a new end, never deleted.
    """

    from_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_given"
    )
    to_person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_taken"
    )
    pool = models.ForeignKey(
        Pool, null=True, blank=True, on_delete=models.PROTECT, related_name="delegations"
    )
    effective_from = models.DateTimeField()
    effective_until = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    recorded_at = models.DateTimeField()

    objects = DelegationQuerySet.as_manager()

    class Meta:
        ordering = ["-effective_from", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(effective_from__lt=F("effective_until")),
                name="delegation_window_not_empty",
            ),
            models.CheckConstraint(
                condition=~Q(from_person=F("to_person")), name="nobody_delegates_to_themselves"
            ),
            ExclusionConstraint(
                name="one_such_delegation_at_a_time",
                expressions=[
                    ("from_person", RangeOperators.EQUAL),
                    ("to_person", RangeOperators.EQUAL),
                    (Coalesce("pool", Value(0)), RangeOperators.EQUAL),
                    (
                        Func("effective_from", "effective_until", function="TSTZRANGE"),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.to_person} for {self.from_person}"

    @property
    def window(self) -> Window:
        return Window(self.effective_from, self.effective_until)
