"""When the approvers of a pool are there, and when they are reminded."""

from datetime import date, time
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import F, Q

from quotas.domain.business_hours import BusinessHours
from quotas.models.inventory import Pool


class ReviewHours(models.Model):
    """Of one pool; without a row `quotas.selectors.review_hours.USUAL` holds.

    Hours to the reminder and to the escalation are business hours since the request last moved.
    """

    pool = models.OneToOneField(Pool, on_delete=models.CASCADE, related_name="review_hours")
    time_zone = models.CharField(max_length=64)
    weekdays = models.JSONField()  # of [0 … 6], Monday 0
    opens = models.TimeField(default=time(9))
    closes = models.TimeField(default=time(17))
    holidays = models.JSONField(default=list, blank=True)  # ISO dates
    remind_after_hours = models.PositiveSmallIntegerField()
    escalate_after_hours = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="review_day_not_empty"),
            models.CheckConstraint(
                condition=Q(remind_after_hours__gt=0)
                & Q(escalate_after_hours__gte=F("remind_after_hours")),
                name="escalation_follows_the_reminder",
            ),
        ]

    def __str__(self) -> str:
        return f"review hours of {self.pool}"

    @property
    def hours(self) -> BusinessHours:
        return BusinessHours(
            ZoneInfo(self.time_zone),
            self.opens,
            self.closes,
            frozenset(self.weekdays),
            frozenset(date.fromisoformat(day) for day in self.holidays),
        )
