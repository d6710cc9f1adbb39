"""Marks for the roll-up, left by whoever changes whose use an hour was."""

from collections.abc import Iterable
from datetime import datetime

from portal.kernel.windows import HOUR, Window, floor_to_hour
from showback.domain.holding import HourKey
from showback.domain.months import Month, day_of, month_window
from showback.gateway import finance_zone
from showback.models import TouchedHour, UsageHour


def leave_marks(keys: Iterable[HourKey]) -> None:
    """One mark for each deployment and day of the finance time zone is enough."""
    zone = finance_zone()
    days = {(deployment, day_of(hour, zone)): hour for deployment, hour in keys}
    TouchedHour.objects.bulk_create(
        [TouchedHour(hour=hour, deployment_id=key[0]) for key, hour in days.items()]
    )


def mark_window(deployments: Iterable[int], window: Window, *, at: datetime) -> None:
    """Days of the window that have use. Months before the last one stay as they are."""
    start = max(window.start, open_since(at))
    if start >= min(window.end, at + HOUR):
        return
    hours = UsageHour.objects.filter(
        deployment_id__in=list(deployments),
        hour__gte=floor_to_hour(start),
        hour__lt=min(window.end, at + HOUR),
    )
    leave_marks(set(hours.order_by().values_list("deployment_id", "hour")))


def open_since(at: datetime) -> datetime:
    """The begin of the month before this one (finance time zone): older figures stay."""
    zone = finance_zone()
    return month_window(Month.of(day_of(at, zone)).previous, zone).start
