"""The notice that a team is owed before its grant is revoked, by the tier of its service."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from portal.kernel.windows import floor_to_minute
from quotas.models import CapacityRequest


@dataclass(frozen=True)
class Notice:
    """`holds_from` is when a revocation of now would take hold. `ends_anyway`: by then, or in that
    minute, the grant is over by itself, so there is nothing to revoke.
    """

    length: timedelta
    holds_from: datetime
    ends_anyway: bool


def notice_of(request: CapacityRequest, until: datetime | None, *, at: datetime) -> Notice:
    """`until` is when the grant ends by itself; None where it is not known to."""
    hours = settings.HEADROOM_REVOKE_NOTICE_HOURS[request.service.tier - 1]
    length = timedelta(hours=hours)
    holds_from = floor_to_minute(at) + length
    return Notice(length, holds_from, until is not None and at < until <= holds_from)
