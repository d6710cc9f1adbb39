"""What qualifies the figures of a service: minutes with refusals."""

from collections.abc import Iterable

from django.db.models import Sum

from portal.kernel.windows import Window
from showback.models import UsageHour


def refused_minutes(deployment_ids: Iterable[int], window: Window) -> int | None:
    """Minutes with a 429 in the hours that begin in the window, of all deployments together.

    None where no hour of it was read by the minute.
    """
    found = UsageHour.objects.filter(
        deployment_id__in=list(deployment_ids), hour__gte=window.start, hour__lt=window.end
    ).aggregate(minutes=Sum("throttled_minutes"))
    return found["minutes"]
