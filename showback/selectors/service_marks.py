"""What qualifies the figures of a service: minutes with refusals, and if costs are estimates."""

from collections.abc import Iterable
from datetime import date, datetime

from django.db.models import Sum

from portal.kernel.windows import Window
from showback.domain.months import Month, day_of
from showback.gateway import finance_zone
from showback.models import CostLine, UsageHour


def refused_minutes(deployment_ids: Iterable[int], window: Window) -> int | None:
    """Minutes with a 429 in the hours that begin in the window, of all deployments together.

    None where no hour of it was read by the minute.
    """
    found = UsageHour.objects.filter(
        deployment_id__in=list(deployment_ids), hour__gte=window.start, hour__lt=window.end
    ).aggregate(minutes=Sum("throttled_minutes"))
    return found["minutes"]


def has_estimates(service_id: int, *, at: datetime) -> bool:
    """Whether any line since the month began rests on an estimate, such as a cache rate."""
    first: date = Month.of(day_of(at, finance_zone())).first_day
    return CostLine.objects.filter(
        service_id=service_id, day__gte=first, is_estimated=True
    ).exists()
