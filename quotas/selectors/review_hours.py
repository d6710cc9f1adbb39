"""When approvers of a pool are there, and when they are reminded: its own hours, or the usual."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.conf import settings

from quotas.domain.business_hours import BusinessHours
from quotas.models import Pool, ReviewHours

REMIND_AFTER_HOURS, ESCALATE_AFTER_HOURS = 4, 8
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True)
class Reviews:
    """Both are business hours since a request last moved."""

    hours: BusinessHours
    remind_after_hours: int = REMIND_AFTER_HOURS
    escalate_after_hours: int = ESCALATE_AFTER_HOURS

    def in_words(self) -> str:
        """`Mon, Tue 09:00–17:00 Europe/Zurich, less 2 holidays; reminder after 4 h, …`."""
        days = ", ".join(DAYS[day] for day in sorted(self.hours.weekdays))
        clock = f"{self.hours.opens:%H:%M}–{self.hours.closes:%H:%M} {self.hours.zone}"
        left_out = len(self.hours.holidays)
        less = f", less {left_out} holiday{'s' * (left_out != 1)}" if left_out else ""
        return (
            f"{days} {clock}{less}; a reminder after {self.remind_after_hours} of these hours, "
            f"the fallback approvers after {self.escalate_after_hours}"
        )


def usual() -> Reviews:
    """Monday to Friday, 9 to 17, in the finance time zone."""
    return Reviews(BusinessHours(ZoneInfo(settings.HEADROOM_FINANCE_TIME_ZONE)))


def reviews_of(pool: Pool) -> Reviews:
    return reviews_by(ReviewHours.objects.filter(pool=pool).first())


def reviews_by_pool() -> dict[int, Reviews]:
    """Of the pools that have hours of their own."""
    return {row.pool_id: reviews_by(row) for row in ReviewHours.objects.all()}


def reviews_by(row: ReviewHours | None) -> Reviews:
    """As a pool's own row says; the usual ones without it."""
    if row is None:
        return usual()
    return Reviews(row.hours, row.remind_after_hours, row.escalate_after_hours)
