"""Notes of which deployments an hour is whole, whenever rows of use were written."""

from collections.abc import Collection
from datetime import datetime

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import F, Q

from portal.kernel.windows import HOUR, MINUTE
from showback.models import AccountHour, UsageHour


def note_hours(deployment_ids: Collection[int], hours: Collection[datetime]) -> None:
    """Replaces what is noted of the accounts of these deployments, at these hours, by what the rows
    say. In the transaction that wrote the rows, and under the lock of their source: an account has
    one.
    """
    # The bounds keep other months' partitions out.
    rows = UsageHour.objects.filter(hour__in=hours, hour__gte=min(hours), hour__lte=max(hours))
    written = rows.filter(deployment__in=deployment_ids).order_by()
    accounts = list(written.values_list("deployment__account", flat=True).distinct())
    AccountHour.objects.filter(hour__in=hours, account__in=accounts).delete()
    AccountHour.objects.bulk_create(
        AccountHour(**row)
        for row in rows.filter(deployment__account__in=accounts)
        .order_by()
        .values("hour", account_id=F("deployment__account"))
        .annotate(whole=_ids(Q(minutes_received=_ALL)), partial=_ids(Q(minutes_received__lt=_ALL)))
    )


_ALL = HOUR // MINUTE


def _ids(which: Q) -> ArrayAgg:
    return ArrayAgg("deployment_id", filter=which, order_by="deployment_id", default=[])
