"""The limit of a pool as Azure moves it: its history, and what it means for what is granted."""

from datetime import datetime

from django.urls import reverse

from portal import audit
from quotas.gateway import QuotaSeen
from quotas.models import Pool, PoolLimit
from quotas.services.findings import note_limit as note_limit_moved
from quotas.services.limit_news import tell_of_limit


def note_limit(pool: Pool, row: QuotaSeen, *, at: datetime) -> None:
    """A row of history only where something changed; Azure moves limits by itself."""
    ours = pool.deployments.filter(gone_at__isnull=True).values_list("capacity_units", flat=True)
    outside = max(0, row.used_units - sum(ours))
    last = pool.limits.first()
    now = (row.limit_units, row.used_units, outside)
    if last is not None and (last.limit_units, last.azure_used_units, last.outside_units) == now:
        return
    fresh = PoolLimit.objects.create(
        pool=pool,
        observed_at=at,
        limit_units=row.limit_units,
        azure_used_units=row.used_units,
        outside_units=outside,
    )
    if last is None:
        return
    url = ""
    if last.limit_units != row.limit_units:
        found = note_limit_moved(pool, last.limit_units, row.limit_units, at=at)
        url = reverse("finding", args=[found.pk]) if found else ""
    tell_of_limit(pool, last, fresh, url=url, at=at)
    if last.limit_units != row.limit_units:
        audit.record(
            "pool.limit_changed",
            f"pool/{pool.pk}",
            actor_id=None,
            at=at,
            was=last.limit_units,
            now=row.limit_units,
        )
