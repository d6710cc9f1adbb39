"""How urgent a request is that waits for an answer: when one is due, and whether it is late. Pure.

Who asks ahead is owed an answer before the start. Who asks for something from now on is due at once
and not late for that: the answer is due when the pool would remind its approvers, business hours
after the request last moved.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from quotas.domain.business_hours import BusinessHours, business_moment


@dataclass(frozen=True)
class Waiting:
    """`asked_at`: since when this start is asked for (sent, edited, an offer accepted); `moved_at`:
    when anybody last answered anything, or it was sent; `ends_at`: when the review ends by itself.
    """

    asked_at: datetime
    moved_at: datetime
    starts_at: datetime
    ends_at: datetime

    @property
    def is_at_once(self) -> bool:
        """Whether it was to start no later than it was asked for."""
        return self.starts_at <= self.asked_at

    def passed_its_start(self, at: datetime) -> bool:
        """Asked ahead, and unanswered at its start: half-open, so from that instant on."""
        return not self.is_at_once and self.starts_at <= at


@dataclass(frozen=True)
class Urgency:
    """`due_at`: when an answer is owed; `first_at`: that, or the end of the review before it."""

    is_at_once: bool
    due_at: datetime
    first_at: datetime

    def is_late(self, at: datetime) -> bool:
        return self.due_at <= at

    def order(self, at: datetime) -> tuple[bool, datetime]:
        """Sorts what is late first, then by what comes first: the answer, or the review's end."""
        return not self.is_late(at), self.first_at


def urgency_of(waiting: Waiting, hours: BusinessHours, remind_after: timedelta) -> Urgency:
    """`hours` and `remind_after` are those of the request's pool."""
    due = waiting.starts_at
    if waiting.is_at_once:
        due = business_moment(hours, waiting.moved_at, remind_after, until=waiting.ends_at)
    return Urgency(waiting.is_at_once, due, min(due, waiting.ends_at))
