"""Does mail go out? Asked by the health page."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q

from portal.models import Letter

# How long a letter that failed is told of.
ALARM_FOR = timedelta(days=7)
STATE = Letter.State


@dataclass(frozen=True)
class MailHealth:
    """`failing` letters wait after an attempt; `lost` were given up, `unsure` perhaps sent."""

    is_on: bool
    server: str
    waiting: int = 0
    failing: int = 0
    failing_since: datetime | None = None
    lost: int = 0
    unsure: int = 0
    problem: str = ""

    @property
    def is_well(self) -> bool:
        return not (self.failing or self.lost or self.unsure)


def mail_health(*, at: datetime) -> MailHealth:
    """What waits, what fails, and what was given up in the last 7 days. Two queries at most."""
    server = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    if not settings.HEADROOM_MAIL_IS_ON:
        return MailHealth(is_on=False, server="")
    failing = Q(state=STATE.WAITING) & ~Q(problem="")
    recent = Q(ended_at__gte=at - ALARM_FOR)
    rows = Letter.objects.filter(Q(state__in=[STATE.WAITING, STATE.SENDING]) | recent)
    found = rows.aggregate(
        waiting=Count("pk", filter=Q(state__in=[STATE.WAITING, STATE.SENDING])),
        failing=Count("pk", filter=failing),
        failing_since=Min("created_at", filter=failing),
        lost=Count("pk", filter=Q(state=STATE.GIVEN_UP)),
        unsure=Count("pk", filter=Q(state=STATE.UNSURE)),
    )
    problem = rows.exclude(problem="").exclude(state=STATE.NOT_NEEDED).order_by("-pk")
    return MailHealth(
        is_on=True,
        server=server,
        problem=problem.values_list("problem", flat=True).first() or "",
        **found,
    )
