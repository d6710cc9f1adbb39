"""Who is present, and who is gone: the one place where it is worked out.

Gone is who was deactivated, or was not seen for HEADROOM_GONE_AFTER_DAYS. Who never came counts
from the moment they were added; from the installation of this rule on, where that was earlier.
Whoever opens a page is present again at once.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce

if TYPE_CHECKING:
    from portal.models.people import User


def longest_unseen() -> timedelta:
    return timedelta(days=settings.HEADROOM_GONE_AFTER_DAYS)


def is_gone(person: "User", *, at: datetime) -> bool:
    """Half-open: at the moment the time is over, they are gone."""
    seen = person.last_seen_at or person.counted_from
    return not person.is_active or seen <= at - longest_unseen()


class PeopleQuerySet(models.QuerySet):  # type: ignore[type-arg]
    def present_at(self, at: datetime) -> Self:
        """As `is_gone` says of one of them; no role is looked at."""
        seen = Coalesce("last_seen_at", "counted_from")
        return self.filter(is_active=True).alias(seen=seen).filter(seen__gt=at - longest_unseen())

    def gone_at(self, at: datetime) -> Self:
        seen = Coalesce("last_seen_at", "counted_from")
        rows = self.alias(seen=seen)
        return rows.filter(models.Q(is_active=False) | models.Q(seen__lte=at - longest_unseen()))
