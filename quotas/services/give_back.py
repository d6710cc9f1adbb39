"""Giving capacity back early: always granted, takes no lock, is a reversing entry."""

from datetime import datetime

from django.db import transaction
from django.db.models import Sum

from portal import audit
from portal.kernel.errors import DomainError
from portal.kernel.windows import floor_to_minute
from portal.models import User
from quotas.models import CapacityRequest, LedgerEntry, Pool, Service


@transaction.atomic
def give_back(request: CapacityRequest, *, by: User, reason: str, at: datetime) -> LedgerEntry:
    """Takes the rest of a granted burst back from this minute on.

    By those who may ask for the service, or an owner of the pool (then it is a revocation, with a
    reason). Raises DomainError when nothing of the burst is left.
    """
    mine = Service.objects.may_request(by).filter(pk=request.service_id).exists()
    if not mine and not Pool.objects.operated_by(by).filter(pk=request.deployment.pool_id).exists():
        raise DomainError(
            "Only the team or an owner of the pool may end a burst.", code="not_yours"
        )
    if not mine and not reason.strip():
        raise DomainError("Say why; the team reads it.", code="reason_missing")
    # Locking the entry keeps two people from giving the same burst back twice.
    entry = (
        LedgerEntry.objects.select_for_update()
        .filter(request=request, kind=LedgerEntry.Kind.BURST)
        .order_by("-effective_from", "-pk")
        .first()
    )
    start = max(floor_to_minute(at), entry.effective_from) if entry else at
    if entry is None or start >= entry.effective_until or not _left(entry):
        raise DomainError(
            f"Nothing of request #{request.pk} is held any more.", code="nothing_left"
        )
    reversal = LedgerEntry.objects.create(
        pool_id=entry.pool_id,
        deployment_id=entry.deployment_id,
        service_id=entry.service_id,
        units=-entry.units,
        effective_from=start,
        effective_until=entry.effective_until,
        kind=LedgerEntry.Kind.REVERSAL,
        request=request,
        reverses=entry,
        reason=reason.strip()[:200] or "Given back early.",
        recorded_at=at,
        recorded_by_id=by.pk,
    )
    audit.record(
        "burst.given_back" if mine else "burst.revoked",
        f"request/{request.pk}",
        actor_id=by.pk,
        at=at,
        units=entry.units,
    )
    return reversal


def _left(entry: LedgerEntry) -> int:
    taken = entry.reversals.aggregate(units=Sum("units"))["units"] or 0
    return entry.units + int(taken)
