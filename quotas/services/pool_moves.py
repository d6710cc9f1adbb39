"""A deployment that Azure feeds from another pool takes what it holds along.

As when Azure moves a model to subscription-wide quota, or somebody changes a model version or SKU:
open entries are reversed in the former pool and issued anew in the new one, from this minute on,
in the transaction of the sync. So each pool counts what it feeds, and every end still comes.
"""

from datetime import datetime

from portal import audit
from portal.kernel.windows import Window, floor_to_minute
from quotas.domain.ledger import pieces
from quotas.models import Deployment, LedgerEntry, Pool
from quotas.selectors.rooms import entries_of

REASON = "Azure feeds the deployment from another pool now."


def move_entries(deployment: Deployment, pool: Pool, *, at: datetime) -> int:
    """Returns how many entries were issued anew; 0 when all are where they belong already."""
    elsewhere = (
        deployment.entries.exclude(pool=pool)
        .exclude(kind=LedgerEntry.Kind.REVERSAL)
        .filter(effective_until__gt=at)
        .select_for_update()  # somebody may be giving one of them back at this moment
        .prefetch_related("reversals")
    )
    moved = sum(_move(entry, pool, at=at) for entry in elsewhere)
    if moved:
        audit.record(
            "deployment.pool_changed",
            f"deployment/{deployment.pk}",
            actor_id=None,
            at=at,
            pool=pool.pk,
            entries=moved,
        )
    return moved


def _move(entry: LedgerEntry, pool: Pool, *, at: datetime) -> int:
    """What is left of the entry from this minute on, part by part."""
    start = max(entry.effective_from, floor_to_minute(at))
    whole = Window(start, entry.effective_until)
    parts = pieces(entries_of([entry, *entry.reversals.all()]), whole)
    held = [(window, units) for window, units in parts if units > 0]
    for window, units in held:
        _issue_anew(entry, units, window, pool, at=at)
    return len(held)


def _issue_anew(
    entry: LedgerEntry, units: int, window: Window, pool: Pool, *, at: datetime
) -> None:
    common = {
        "deployment_id": entry.deployment_id,
        "service_id": entry.service_id,
        "effective_from": window.start,
        "effective_until": window.end,
        "reason": REASON,
        "recorded_at": at,
    }
    # Without the request: nobody gave the burst back.
    LedgerEntry.objects.create(
        **common,
        pool_id=entry.pool_id,
        kind=LedgerEntry.Kind.REVERSAL,
        units=-units,
        reverses=entry,
    )
    LedgerEntry.objects.create(
        **common,
        pool=pool,
        kind=entry.kind,
        units=units,
        request_id=entry.request_id,
        is_reissued=True,
    )
