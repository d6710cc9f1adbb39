"""Which deployments were read to the last minute, so that nobody need add up their hours."""

from collections import Counter

from django.db.models import Count

from portal.kernel.windows import HOUR, Window
from showback.models import AccountHour


def whole_throughout(window: Window) -> tuple[set[int], set[int]]:
    """Ids of deployments of which all 60 minutes of every hour came, and of the others of which
    there is an hour at all. The window is of whole hours. One query.
    """
    hours: Counter[int] = Counter()
    known = set[int]()
    # Mostly an account's hours are alike, so it is one row here and not one for each hour.
    rows = (
        AccountHour.objects.filter(hour__gte=window.start, hour__lt=window.end)
        .values("account", "whole", "partial")
        .annotate(times=Count("hour"))
        .order_by()
        .values_list("whole", "partial", "times")
    )
    for whole, partial, times in rows:
        hours.update(dict.fromkeys(whole, times))
        known.update(whole, partial)
    throughout = {each for each, times in hours.items() if times == window.length // HOUR}
    return throughout, known - throughout
